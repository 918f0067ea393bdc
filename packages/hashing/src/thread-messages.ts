import type { ErrorCode } from '@firn/core'
import type { HashFileInput, RangeHashes } from './hash-pool.ts'

/** What a thread is started with. */
export interface ThreadData {
  /** One number, not 0 once the task in hand is to be given up. */
  readonly abortFlag: Int32Array<SharedArrayBuffer>
}

/** To a thread, which has one task at a time. */
export type HashTask = HashFileInput

/** From a thread: once `ready`, then one answer a task. */
export type ThreadMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly hashes: RangeHashes }
  | { readonly type: 'aborted' }
  | {
      readonly type: 'failed'
      readonly code: ErrorCode
      readonly message: string
      readonly cause: unknown
    }
