import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { areDependenciesInstalled, installDependencies } from './dependencies.mjs'
import { launch } from './launch.mjs'
import { BootstrapError, note } from './note.mjs'
import { provideRedisServer } from './redis-server.mjs'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
/**
 * Processes that find their TypeScript stripped and compiled start in half the time, and need not
 * load the stripper: some 15 MiB for each thread. Node.js keys the entries by version and content.
 */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/node')
const USAGE = 'usage: node infra/bootstrap/run.mjs [--redis=own|own-or-url] <entry.ts> [argument…]'

/** Makes sure of all that the entry needs, then runs it and ends as it ends. */
export async function bootstrap(argv) {
  try {
    const { redis, entry, args } = parseArguments(argv)
    // npm runs scripts at the root and says here where the user was; paths are meant from there.
    const env = { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env }
    env.INIT_CWD ??= process.cwd()
    if (!areDependenciesInstalled(ROOT)) await installDependencies(ROOT)
    if (redis === 'own' || (redis === 'own-or-url' && !env.REDIS_URL)) {
      env.PATH = provideRedisServer(env)
    }
    await start({ entry, args, env })
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error
    note(error.message)
    process.exitCode = 1
  }
}

async function start({ entry, args, env }) {
  const program = {
    command: join(ROOT, 'node_modules/.bin/node'),
    args: [entry, ...args],
    cwd: ROOT,
    env: { ...env, PATH: `${join(ROOT, 'node_modules/.bin')}:${env.PATH}` },
  }
  if (await launch(program)) return
  note('node_modules was installed on another kind of system')
  await installDependencies(ROOT)
  if (await launch(program)) return
  throw new BootstrapError(
    `the Node.js that Firn pins does not run on this system (${process.platform}, ${process.arch}): it needs glibc on Linux, or macOS`,
  )
}

function parseArguments(argv) {
  const [first = '', ...rest] = argv
  const redis = /^--redis=(own|own-or-url)$/.exec(first)?.[1] ?? 'none'
  const [entry, ...args] = redis === 'none' ? argv : rest
  if (entry === undefined || entry.startsWith('-')) throw new BootstrapError(USAGE)
  return { redis, entry, args }
}
