import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { canRun, runCommand } from './run-command.ts'

const BASE_IMAGES = ['node:24-bookworm-slim', 'redis:7-bookworm', 'prom/prometheus:v3.5.0']
const BUILD_MAX_MS = 5 * 60_000
const COMMAND_MAX_MS = 3 * 60_000
/** All but Grafana, with what they depend on. */
const SERVICES = ['api', 'worker', 'finalizer', 'prometheus']

/** What `docker inspect` says of a container, as far as tests look at it. */
const Container = z.object({
  Config: z.object({ User: z.string(), Labels: z.record(z.string(), z.string()) }),
  HostConfig: z.object({
    ReadonlyRootfs: z.boolean(),
    CapDrop: z.array(z.string()).nullable(),
    SecurityOpt: z.array(z.string()).nullable(),
  }),
  State: z.object({ ExitCode: z.number(), OOMKilled: z.boolean() }),
})

export interface ComposeProject extends AsyncDisposable {
  readonly apiUrl: string
  readonly apiToken: string
  readonly prometheusUrl: string
  /** A directory of this machine; services see it as `/sources`. */
  readonly sources: string
  readonly up: (...options: readonly string[]) => Promise<void>
  /** Any other subcommand of compose. */
  readonly run: (...args: readonly string[]) => Promise<string>
  /** All containers of the service, stopped ones too. */
  readonly inspect: (service: string) => Promise<readonly z.output<typeof Container>[]>
}

/** Why the compose file cannot be run here, or null when it can. */
export async function whyNoCompose(): Promise<string | null> {
  if (!(await canRun('docker', 'info'))) return 'no Docker engine answers'
  if ((await composeCommand()) === null) return 'there is no docker compose'
  for (const image of BASE_IMAGES) {
    const isThere = await canRun('docker', 'image', 'inspect', image)
    if (!isThere && !(await canRun('docker', 'pull', '--quiet', image))) {
      return `the image ${image} is not here and cannot be pulled`
    }
  }
  return null
}

async function composeCommand(): Promise<readonly string[] | null> {
  if (await canRun('docker', 'compose', 'version')) return ['docker', 'compose']
  return (await canRun('docker-compose', 'version')) ? ['docker-compose'] : null
}

/** Builds the image and prepares a project of its own, which is removed with all of its data. */
export async function openComposeProject(ports: {
  readonly api: number
  readonly vault: number
  readonly prometheus: number
}): Promise<ComposeProject> {
  await using resources = new AsyncDisposableStack()
  const compose = await composeCommand()
  if (compose === null) throw new Error('There is no docker compose')
  const name = `firn-test-${process.pid}`
  const image = `${name}:latest`

  const directory = await mkdtemp(join(tmpdir(), 'firn-compose-'))
  resources.defer(() => rm(directory, { recursive: true, force: true }))
  // The containers' user is nobody that this machine knows.
  await chmod(directory, 0o755)
  const envFile = join(directory, 'env')
  const apiToken = await writeEnvironment(envFile, {
    FIRN_IMAGE: image,
    FIRN_SOURCES: directory,
    API_PORT: String(ports.api),
    VAULT_PORT: String(ports.vault),
    PROMETHEUS_PORT: String(ports.prometheus),
  })

  await runCommand(['docker', 'build', '-q', '-f', 'infra/docker/Dockerfile', '-t', image, '.'], {
    timeoutMs: BUILD_MAX_MS,
  })
  resources.defer(async () => {
    await runCommand(['docker', 'rmi', image], { timeoutMs: COMMAND_MAX_MS })
  })
  const run = (...args: readonly string[]): Promise<string> =>
    runCommand([...compose, '--env-file', envFile, '-p', name, ...args], {
      timeoutMs: COMMAND_MAX_MS,
    })
  resources.defer(async () => {
    await run('down', '--volumes', '--timeout', '30')
  })

  const owned = resources.move()
  return {
    apiUrl: `http://127.0.0.1:${ports.api}`,
    apiToken,
    prometheusUrl: `http://127.0.0.1:${ports.prometheus}`,
    sources: directory,
    run,
    async up(...options) {
      await run('up', '--detach', '--no-build', ...options, ...SERVICES)
    },
    inspect: (service) => inspectContainers(name, service),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Resolves to the API's token. */
async function writeEnvironment(
  file: string,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const apiToken = 'token-of-the-compose-test'
  const secrets = {
    API_TOKEN: apiToken,
    REDIS_PASSWORD: 'redis-of-the-compose-test',
    VAULT_ACCESS_KEY_ID: 'COMPOSETEST',
    VAULT_SECRET_ACCESS_KEY: 'secret-of-the-compose-test',
    GRAFANA_PASSWORD: 'not-started',
  }
  const entries = Object.entries({ ...secrets, ...variables })
  await writeFile(file, entries.map(([name, value]) => `${name}=${value}\n`).join(''))
  return apiToken
}

async function inspectContainers(project: string, service: string) {
  const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`]
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`])
  const limit = { timeoutMs: COMMAND_MAX_MS }
  const ids = await runCommand(['docker', 'ps', '-aq', ...filters], limit)
  const found = ids.split('\n').filter((id) => id !== '')
  return z
    .array(Container)
    .parse(JSON.parse(await runCommand(['docker', 'inspect', ...found], limit)))
}
