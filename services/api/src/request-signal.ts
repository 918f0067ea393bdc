import type { ServerResponse } from 'node:http'
import { RequestError } from './request-error.ts'

export interface RequestSignal extends Disposable {
  /** Aborts when the client goes away and, with a RequestError, at the deadline. */
  readonly signal: AbortSignal
  /** Rejects with the signal's reason when it aborts; never resolves. */
  readonly aborted: Promise<never>
}

/** How long one request may wait for anything. Without a deadline, as long as its client stays. */
export function requestSignal(res: ServerResponse, deadlineMs: number | null): RequestSignal {
  const controller = new AbortController()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  // Nobody may be listening any more when the client leaves.
  aborted.catch(() => undefined)
  const abort = (reason: Error): void => {
    controller.abort(reason)
    reject(reason)
  }
  const onClose = (): void => abort(new DOMException('The client went away', 'AbortError'))
  res.once('close', onClose)
  const timer =
    deadlineMs === null
      ? undefined
      : setTimeout(() => {
          const message = `Not done within ${deadlineMs} ms; whether it took effect is not known`
          abort(new RequestError('DEADLINE_EXCEEDED', message))
        }, deadlineMs)
  return {
    signal: controller.signal,
    aborted,
    [Symbol.dispose]() {
      clearTimeout(timer)
      if (deadlineMs !== null) res.off('close', onClose)
    },
  }
}
