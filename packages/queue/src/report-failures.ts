import { toAppError } from '@firn/core'
import type { Handler } from './consumer-handlers.ts'
import type { JobRef } from './job-queues.ts'

/** A run that failed and will be made again, for a log that a person follows. */
export interface FailedRun extends JobRef {
  readonly index?: number
  readonly attempt: number
  readonly code: string
  readonly reason: string
  /** Of a failure that nobody classified: its stack is all that there is to find it by. */
  readonly err?: unknown
}

/** The same handler, with each failure of its own reported; one that was told to stop is none. */
export function reportFailures<Ref extends JobRef>(
  handler: Handler<Ref>,
  onFailure: (failed: FailedRun) => void,
): Handler<Ref> {
  return async (ref, run) => {
    try {
      await handler(ref, run)
    } catch (error) {
      if (!run.signal.aborted) {
        const { code, message: reason } = toAppError(error)
        const failed = { ...ref, attempt: run.attempt, code, reason }
        onFailure(code === 'INTERNAL' ? { ...failed, err: error } : failed)
      }
      throw error
    }
  }
}
