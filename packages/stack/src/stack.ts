import { mkdir } from 'node:fs/promises'
import { lockDataDir } from './data-dir-lock.ts'
import { findFreePort, isPortFree, LOOPBACK } from './free-port.ts'
import { openSecrets } from './secrets.ts'
import type { StackOptions, VaultAccess } from './stack-options.ts'
import {
  isJournalInBucket,
  journalSettings,
  type StackContext,
  sharedEnvironment,
  startApi,
  startFinalizer,
  startRedis,
  startVault,
  startWorker,
  tokenOf,
} from './stack-services.ts'
import { openSupervisor, type ProcessStatus } from './supervisor.ts'

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
  refuseMissingKeys(options)
  await refuseTakenPorts(options)
  const secrets = await openSecrets(options.dataDir)
  const supervisor = resources.use(await openSupervisor(options))
  await lock.addHolder(supervisor.guardianPid)

  const context: StackContext = { options, secrets, supervisor, signal }
  const [redis, vault] = await Promise.all([
    options.redisUrl ?? startRedis(context),
    options.glacier === 'vault' ? startVault(context) : null,
  ])
  const shared = sharedEnvironment(options, { redis, vault })
  let workerCount = 0
  const addWorker = (at: AbortSignal): Promise<ProcessStatus> => {
    workerCount += 1
    return startWorker({ ...context, signal: at }, { shared, ordinal: workerCount })
  }
  const [api] = await Promise.all([
    startApi(context, shared),
    ...Array.from({ length: options.finalizerCount ?? 1 }, (_, index) =>
      startFinalizer(context, shared, index === 0 ? 'finalizer' : `finalizer-${index + 1}`),
    ),
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

function refuseMissingKeys({ glacier, env }: StackOptions): void {
  if (glacier !== 'vault' || !isJournalInBucket(env)) return
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = journalSettings(env)
  if (id !== undefined && secret !== undefined) return
  throw new Error(
    `JOURNAL_URL is ${env.JOURNAL_URL} and the vault is Firn's own: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which then sign for both, or FIRN_GLACIER=aws`,
  )
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
