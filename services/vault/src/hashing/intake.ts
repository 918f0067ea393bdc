import { close, fdatasync } from 'node:fs'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { type ByteBudget, type Collector, createCollector } from './collector.ts'
import type { HashThreads } from './hash-threads.ts'

const closeFile = promisify(close)
const syncFile = promisify(fdatasync)

export interface ReceivedBody {
  readonly sizeBytes: number
  /** Lower-case hex. */
  readonly sha256: string
  /** Lower-case hex. */
  readonly treeHash: string
}

export type IntakeResult =
  | { readonly kind: 'received'; readonly body: ReceivedBody }
  /** More than `sizeMaxBytes` came, or the sender stopped sending. Nothing is kept. */
  | { readonly kind: 'too-long' | 'stalled' }
  /** The connection ended before the body did. Nothing is kept. */
  | { readonly kind: 'cut' }

/** Receives bodies into files, within a budget of memory and off the event loop. */
export interface Intake {
  /**
   * Writes a body to a new file at `path`, hashing it on the way. With `isWanted`, which is asked
   * once the hashes are known, the file is synced and stays; otherwise it is deleted.
   */
  readonly receive: (
    body: Readable,
    options: {
      readonly path: string
      readonly sizeMaxBytes: number
      readonly isWanted: (body: ReceivedBody) => boolean
    },
  ) => Promise<IntakeResult>
}

export function createIntake(options: {
  readonly budget: ByteBudget
  readonly threads: HashThreads
  /** How long a sender may send nothing, although it could. */
  readonly idleMaxMs: number
  readonly onReceived: (bytes: number) => void
  /** Called when a body begins; returns what is called when it has come or gone. */
  readonly onBegin: () => () => void
  /** Told what the disk or a thread failed with. */
  readonly onFailure: (error: unknown) => void
  readonly discard: (path: string) => Promise<void>
}): Intake {
  return {
    async receive(body, { path, sizeMaxBytes, isWanted }) {
      const onEnd = options.onBegin()
      const file = options.threads.createFile(path)
      const collector = createCollector({ file, budget: options.budget })
      try {
        const end = await pump(body, { ...options, collector, sizeMaxBytes })
        if (end !== 'complete') {
          await collector.discard()
          return { kind: end }
        }
        const { fd, ...received } = await collector.finish()
        const isKept = isWanted(received)
        await settleFile(fd, isKept).catch(async (error: unknown) => {
          await options.discard(path)
          throw error
        })
        if (!isKept) await options.discard(path)
        return { kind: 'received', body: received }
      } catch (error) {
        options.onFailure(error)
        await collector.discard()
        throw error
      } finally {
        onEnd()
      }
    },
  }
}

async function settleFile(fd: number, isKept: boolean): Promise<void> {
  try {
    if (isKept) await syncFile(fd)
  } finally {
    await closeFile(fd)
  }
}

type PumpEnd = 'complete' | 'cut' | 'stalled' | 'too-long'

function pump(
  body: Readable,
  options: {
    readonly collector: Collector
    readonly sizeMaxBytes: number
    readonly idleMaxMs: number
    readonly onReceived: (bytes: number) => void
  },
): Promise<PumpEnd> {
  const { collector, sizeMaxBytes, idleMaxMs, onReceived } = options
  const { promise, resolve, reject } = Promise.withResolvers<PumpEnd>()
  let sizeBytes = 0
  let isTaking = false
  let hasEnded = false

  const onIdle = (): void => {
    if (isTaking) idle.refresh()
    else resolve('stalled')
  }
  const idle = setTimeout(onIdle, idleMaxMs)
  const onTaken = (): void => {
    isTaking = false
    idle.refresh()
    if (hasEnded) resolve('complete')
    else body.resume()
  }
  const onData = (chunk: Uint8Array): void => {
    idle.refresh()
    sizeBytes += chunk.length
    onReceived(chunk.length)
    if (sizeBytes > sizeMaxBytes) {
      resolve('too-long')
      return
    }
    const taking = collector.take(chunk)
    if (taking === undefined) return
    isTaking = true
    body.pause()
    taking.then(onTaken, reject)
  }
  const onEnd = (): void => {
    hasEnded = true
    if (!isTaking) resolve('complete')
  }
  const onClose = (): void => {
    if (!hasEnded) resolve('cut')
  }
  body.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
  return promise.finally(() => {
    clearTimeout(idle)
    body.off('data', onData).off('end', onEnd).off('close', onClose)
  })
}
