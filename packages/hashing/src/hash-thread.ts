import { parentPort, workerData } from 'node:worker_threads'
import { AppError, invariant, MIB } from '@firn/core'
import { hashRange } from './hash-range.ts'
import type { HashTask, ThreadData, ThreadMessage } from './thread-messages.ts'

invariant(parentPort, 'runs as a worker thread only')
const port = parentPort
const { abortFlag } = workerData as ThreadData
const scratch = Buffer.allocUnsafeSlow(MIB)

function answer(task: HashTask): ThreadMessage {
  try {
    const hashes = hashRange(task, scratch, () => Atomics.load(abortFlag, 0) !== 0)
    return hashes === undefined ? { type: 'aborted' } : { type: 'done', hashes }
  } catch (error) {
    // Anything else is a bug: it ends this thread, and the pool starts another.
    if (!(error instanceof AppError)) throw error
    return { type: 'failed', code: error.code, message: error.message, cause: error.cause }
  }
}

port.on('message', (task: HashTask) => port.postMessage(answer(task)))
port.postMessage({ type: 'ready' } satisfies ThreadMessage)
