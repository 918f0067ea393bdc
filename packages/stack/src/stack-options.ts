import type { StackOutput } from './output.ts'
import type { ServiceKind } from './stop-phases.ts'

export type Environment = Readonly<Record<string, string>>

export interface StackOptions {
  /** Absolute; made if it is not there. Everything the stack keeps is below it. */
  readonly dataDir: string
  readonly workerCount: number
  /** Default 1. */
  readonly finalizerCount?: number
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
  /** The longest wait before that, 15,000 unless told otherwise. */
  readonly restartDelayMaxMs?: number
  /** What every process gets: the PATH, and any setting of a service. */
  readonly env: Environment
  /** Settings for the processes of one kind alone. */
  readonly envByKind?: Readonly<Partial<Record<ServiceKind, Environment>>>
  /** Settings for one process alone, by its name, such as `worker-2`. */
  readonly envByName?: Readonly<Record<string, Environment>>
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
