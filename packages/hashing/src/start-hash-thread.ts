import { Worker } from 'node:worker_threads'
import { AppError, invariant, unreachable } from '@firn/core'
import type { RangeHashes } from './hash-pool.ts'
import type { HashTask, ThreadData, ThreadMessage } from './thread-messages.ts'

export interface HashThread {
  /** Resolves when the thread has loaded, rejects when it died before. */
  readonly ready: Promise<void>
  readonly isAlive: () => boolean
  /**
   * Runs one task; a second one only after the first has settled. Settles once the thread touches
   * neither file nor buffer: after its answer, or after its death.
   */
  readonly run: (task: HashTask, signal: AbortSignal) => Promise<RangeHashes>
  /** Gives up the task in hand and ends the thread. */
  readonly stop: () => Promise<void>
}

/** Starts one thread that hashes. Tasks may be given to it before it is ready. */
export function startHashThread(): HashThread {
  const abortFlag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const worker = new Worker(new URL('./hash-thread.ts', import.meta.url), {
    name: 'firn-hash',
    workerData: { abortFlag } satisfies ThreadData,
  })
  const ready = Promise.withResolvers<void>()
  // Its owner may never ask for it.
  ready.promise.catch(() => undefined)
  let task: PromiseWithResolvers<RangeHashes> | undefined
  let isAlive = true
  let failure: unknown

  worker.on('message', (message: ThreadMessage) => {
    if (message.type === 'ready') return ready.resolve()
    const settled = task
    task = undefined
    invariant(settled, 'an answer without a task')
    settle(settled, message)
  })
  worker.on('error', (error) => {
    failure = error
  })
  worker.on('exit', () => {
    isAlive = false
    const died = new AppError('HASHING_FAILED', 'A hash thread died', { cause: failure })
    ready.reject(died)
    task?.reject(died)
    task = undefined
  })

  return {
    ready: ready.promise,
    isAlive: () => isAlive,
    async run(input, signal) {
      invariant(task === undefined, 'a thread has one task at a time')
      invariant(isAlive, 'a task for a thread that has died')
      signal.throwIfAborted()
      const current = Promise.withResolvers<RangeHashes>()
      task = current
      Atomics.store(abortFlag, 0, 0)
      const abort = () => Atomics.store(abortFlag, 0, 1)
      signal.addEventListener('abort', abort)
      try {
        worker.postMessage(input)
        const hashes = await current.promise
        signal.throwIfAborted()
        return hashes
      } catch (error) {
        signal.throwIfAborted()
        throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
    async stop() {
      Atomics.store(abortFlag, 0, 1)
      await task?.promise.catch(() => undefined)
      await worker.terminate()
    },
  }
}

function settle(
  task: PromiseWithResolvers<RangeHashes>,
  message: Exclude<ThreadMessage, { readonly type: 'ready' }>,
): void {
  switch (message.type) {
    case 'done':
      task.resolve(message.hashes)
      break
    case 'aborted':
      // Seen only when the pool stops the thread: an abort by the caller has its own reason.
      task.reject(new AppError('HASHING_FAILED', 'The hash pool was closed'))
      break
    case 'failed':
      task.reject(new AppError(message.code, message.message, { cause: message.cause }))
      break
    default:
      unreachable(message)
  }
}
