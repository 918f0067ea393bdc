import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { lockDataDir } from './data-dir-lock.ts'
import { findFreePort, isPortFree } from './free-port.ts'
import type { StackOutput } from './output.ts'
import { redisReady, redisServerSpec, redisUrl } from './redis-server.ts'
import { openSecrets, type Secrets } from './secrets.ts'
import type { ServiceDefinition } from './service.ts'
import type { ServiceKind } from './stop-phases.ts'
import { openSupervisor, type ProcessStatus, type Supervisor } from './supervisor.ts'

const ROOT = resolve(fileURLToPath(new URL('../../..', import.meta.url)))
const REDIS_START_TRIES = 3
const LOOPBACK = '127.0.0.1'

type Environment = Readonly<Record<string, string>>

export interface StackOptions {
  /** Absolute; made if it is not there. Everything the stack keeps is below it. */
  readonly dataDir: string
  readonly workerCount: number
  /** Directories that `file` sources may lie under. */
  readonly sourceRoots: readonly string[]
  /** 0 takes any free port. */
  readonly ports: { readonly api: number; readonly vault: number }
  /** A Redis to use instead of one of the stack's own. */
  readonly redisUrl: string | null
  /** `environment` uses the Glacier that the AWS variables in `env` name; `vault` starts one. */
  readonly glacier: 'vault' | 'environment'
  /** Whether a process that ends by itself is started again. */
  readonly restart: boolean
  /** What every process gets: the PATH, and any setting of a service. */
  readonly env: Environment
  /** Settings for the processes of one kind alone. */
  readonly envByKind?: Readonly<Partial<Record<ServiceKind, Environment>>>
  /** Taken over: closed with the stack. */
  readonly output: StackOutput
}

/** How to reach the stack's own vault with any Glacier client. */
export interface VaultAccess {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface Stack extends AsyncDisposable {
  readonly apiUrl: string
  readonly apiToken: string
  readonly redisUrl: string
  /** Null when the stack uses a Glacier that is not its own. */
  readonly vault: VaultAccess | null
  readonly processes: () => readonly ProcessStatus[]
  /** Starts one more worker and waits until it is ready. */
  readonly addWorker: (signal: AbortSignal) => Promise<ProcessStatus>
  /** Ends every process at once, as a power cut would; disposing is still due. */
  readonly kill: () => void
}

/**
 * Starts a whole Firn, each service as a process of its own, and resolves when all are ready.
 * Disposing stops them in order within 25 s and leaves no process behind; so does a start that
 * fails half-way, and the death of this process. The data directory serves the next start.
 */
export async function startStack(options: StackOptions, signal: AbortSignal): Promise<Stack> {
  await using resources = new AsyncDisposableStack()
  resources.use(options.output)
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 })
  const lock = resources.use(await lockDataDir(options.dataDir, signal))
  await refuseTakenPorts(options)
  const secrets = await openSecrets(options.dataDir)
  const supervisor = resources.use(await openSupervisor(options))
  await lock.addHolder(supervisor.guardianPid)

  const context: Context = { options, secrets, supervisor, signal }
  const [redis, vault] = await Promise.all([
    options.redisUrl ?? startRedis(context),
    options.glacier === 'vault' ? startVault(context) : null,
  ])
  const shared = sharedEnvironment(options, { redis, vault })
  let workerCount = 0
  const addWorker = (at: AbortSignal): Promise<ProcessStatus> => {
    workerCount += 1
    const definition = define(options, {
      kind: 'worker',
      name: `worker-${workerCount}`,
      portVariable: 'WORKER_METRICS_PORT',
      env: { ...shared, WORKER_METRICS_PORT: '0' },
    })
    return supervisor.start(definition, at)
  }
  const [api] = await Promise.all([
    startApi(context, shared),
    startFinalizer(context, shared),
    ...Array.from({ length: options.workerCount }, () => addWorker(signal)),
  ])

  const owned = resources.move()
  return {
    apiUrl: api.url ?? '',
    apiToken: tokenOf(options, secrets),
    redisUrl: redis,
    vault,
    processes: supervisor.processes,
    addWorker,
    kill: supervisor.kill,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Says what to do before anything is started, rather than in the log of a service. */
async function refuseTakenPorts({ ports, glacier, env }: StackOptions): Promise<void> {
  const wanted = [{ variable: 'API_PORT', port: ports.api, host: env.API_HOST ?? LOOPBACK }]
  if (glacier === 'vault') {
    wanted.push({ variable: 'VAULT_PORT', port: ports.vault, host: LOOPBACK })
  }
  for (const { variable, port, host } of wanted) {
    if (await isPortFree(port, host)) continue
    throw new Error(
      `Port ${port} is taken by another program. Stop that one, or choose another port, such as ${variable}=${await findFreePort()}`,
    )
  }
}

interface Context {
  readonly options: StackOptions
  readonly secrets: Secrets
  readonly supervisor: Supervisor
  readonly signal: AbortSignal
}

async function startRedis({ options, secrets, supervisor, signal }: Context): Promise<string> {
  const { dataDir, env } = options
  for (let tries = 1; ; tries += 1) {
    const endpoint = { port: await findFreePort(), password: secrets.redisPassword }
    const spec = await redisServerSpec({ dataDir, endpoint, env: baseEnvironment(env) })
    const whenReady = (at: AbortSignal): Promise<void> => redisReady(endpoint, at)
    try {
      await supervisor.start({ kind: 'redis', spec, portVariable: null, whenReady }, signal)
      return redisUrl(endpoint)
    } catch (error) {
      // Another process may take the free port first.
      if (signal.aborted || tries === REDIS_START_TRIES) throw error
    }
  }
}

async function startVault({ options, secrets, supervisor, signal }: Context): Promise<VaultAccess> {
  const access = {
    region: options.env.VAULT_REGION ?? 'us-east-1',
    accessKeyId: options.env.VAULT_ACCESS_KEY_ID ?? secrets.vaultAccessKeyId,
    secretAccessKey: options.env.VAULT_SECRET_ACCESS_KEY ?? secrets.vaultSecretAccessKey,
  }
  const definition = define(options, {
    kind: 'vault',
    name: 'vault',
    portVariable: 'VAULT_PORT',
    env: {
      VAULT_HOST: LOOPBACK,
      VAULT_PORT: String(options.ports.vault),
      VAULT_DATA_DIR: join(options.dataDir, 'vault'),
      VAULT_REGION: access.region,
      VAULT_ACCESS_KEY_ID: access.accessKeyId,
      VAULT_SECRET_ACCESS_KEY: access.secretAccessKey,
    },
  })
  const { url } = await supervisor.start(definition, signal)
  return { ...access, endpoint: url ?? '' }
}

function startApi({ options, secrets, supervisor, signal }: Context, shared: Environment) {
  const definition = define(options, {
    kind: 'api',
    name: 'api',
    portVariable: 'API_PORT',
    env: {
      ...shared,
      API_HOST: options.env.API_HOST ?? LOOPBACK,
      API_PORT: String(options.ports.api),
      API_TOKEN: tokenOf(options, secrets),
    },
  })
  return supervisor.start(definition, signal)
}

function startFinalizer({ options, supervisor, signal }: Context, shared: Environment) {
  const definition = define(options, {
    kind: 'finalizer',
    name: 'finalizer',
    portVariable: 'FINALIZER_METRICS_PORT',
    env: { ...shared, FINALIZER_METRICS_PORT: '0' },
  })
  return supervisor.start(definition, signal)
}

function define(
  options: StackOptions,
  service: {
    readonly kind: Exclude<ServiceKind, 'redis'>
    readonly name: string
    readonly portVariable: string
    readonly env: Environment
  },
): ServiceDefinition {
  const { kind, name, portVariable } = service
  return {
    kind,
    portVariable,
    spec: {
      name,
      command: process.execPath,
      args: [join(ROOT, 'services', kind, 'src/main.ts')],
      env: { ...baseEnvironment(options.env), ...service.env, ...options.envByKind?.[kind] },
      cwd: ROOT,
    },
  }
}

/** What the API, the workers and the finalizer share. */
function sharedEnvironment(
  options: StackOptions,
  found: { readonly redis: string; readonly vault: VaultAccess | null },
): Environment {
  const directoryUrl = (name: string): string => pathToFileURL(join(options.dataDir, name)).href
  const { vault } = found
  return {
    FIRN_DATA_DIR: options.dataDir,
    REDIS_URL: found.redis,
    JOURNAL_URL: options.env.JOURNAL_URL ?? directoryUrl('journal'),
    SOURCE_ROOTS: options.sourceRoots.join(':'),
    ...(vault === null
      ? awsVariables(options.env)
      : {
          AWS_ENDPOINT_URL_GLACIER: vault.endpoint,
          AWS_REGION: vault.region,
          AWS_ACCESS_KEY_ID: vault.accessKeyId,
          AWS_SECRET_ACCESS_KEY: vault.secretAccessKey,
        }),
  }
}

function tokenOf(options: StackOptions, secrets: Secrets): string {
  return options.env.API_TOKEN ?? secrets.apiToken
}

const isAws = (name: string): boolean => name.startsWith('AWS_')

/** Without the AWS settings: a profile of the user's must not win over the stack's own vault. */
function baseEnvironment(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isAws(name)))
}

function awsVariables(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => isAws(name)))
}
