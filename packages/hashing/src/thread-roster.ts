import { AppError } from '@firn/core'
import { type HashThread, startHashThread } from './start-hash-thread.ts'

/** Callers that may wait for a thread. Memory bounds them long before this does. */
const WAITING_MAX = 1024

interface Waiting {
  readonly give: (thread: HashThread) => void
  readonly refuse: (reason: unknown) => void
}

/** Lends threads, first come, first served. */
export interface ThreadRoster {
  /** Rejects with the signal's reason when aborted, HASHING_FAILED when closed or too many wait. */
  readonly borrow: (signal: AbortSignal) => Promise<HashThread>
  readonly giveBack: (thread: HashThread) => void
  /** Starts all threads, which otherwise start when they are needed, and waits until they have loaded. */
  readonly warmUp: () => Promise<void>
  /** Refuses whoever waits and ends the threads. */
  readonly close: () => Promise<void>
}

/**
 * Keeps up to `size` threads. One that died is replaced when the next borrower needs it, so that a
 * thread that cannot live costs one task at a time instead of a loop of restarts.
 */
export function createThreadRoster(size: number): ThreadRoster {
  const live = new Set<HashThread>()
  const idle: HashThread[] = []
  const line: Waiting[] = []
  let isClosed = false

  function start(): HashThread {
    const thread = startHashThread()
    live.add(thread)
    return thread
  }

  function take(): HashThread | undefined {
    for (let thread = idle.pop(); thread; thread = idle.pop()) {
      if (thread.isAlive()) return thread
      live.delete(thread)
    }
    return live.size < size ? start() : undefined
  }

  return {
    async borrow(signal) {
      signal.throwIfAborted()
      if (isClosed) throw closedError()
      const thread = take()
      if (thread) return thread
      if (line.length >= WAITING_MAX) {
        const message = `Cannot hash: ${WAITING_MAX} others wait for a thread`
        throw new AppError('HASHING_FAILED', message)
      }
      return await waitInLine(line, signal)
    },
    giveBack(thread) {
      if (thread.isAlive()) idle.push(thread)
      else live.delete(thread)
      if (line.length === 0 || isClosed) return
      const next = take()
      if (next) line.shift()?.give(next)
    },
    async warmUp() {
      while (live.size < size) idle.push(start())
      await Promise.all([...live].map((thread) => thread.ready))
    },
    async close() {
      isClosed = true
      for (const waiting of line.splice(0)) waiting.refuse(closedError())
      await Promise.all([...live].map((thread) => thread.stop()))
    },
  }
}

async function waitInLine(line: Waiting[], signal: AbortSignal): Promise<HashThread> {
  const { promise, resolve, reject } = Promise.withResolvers<HashThread>()
  const waiting: Waiting = { give: resolve, refuse: reject }
  const leave = () => {
    const place = line.indexOf(waiting)
    // Not in line any more: a thread is on its way, and run() sees the abort.
    if (place >= 0) line.splice(place, 1)[0]?.refuse(signal.reason)
  }
  signal.addEventListener('abort', leave)
  line.push(waiting)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

function closedError(): AppError {
  return new AppError('HASHING_FAILED', 'The hash pool was closed')
}
