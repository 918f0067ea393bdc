import { fill, type RedisMemory } from '@firn/redis'
import { startLoop } from '@firn/runtime'
import type { JobStore } from '@firn/store'

/** Whether another job may be opened, as far as this worker knows by now. */
export interface OpeningLimit extends AsyncDisposable {
  /** False until the first look. */
  readonly isOpen: () => boolean
  /** To be called after each opening: looks at once, so that workers stop within a job each. */
  readonly noteOpened: (signal: AbortSignal) => Promise<void>
}

/** The API stops to accept well below this; what is left above is for the parts of what was opened. */
const FILL_MAX = 0.9
const INTERVAL_MS = 250

/**
 * Bounds what opened jobs cost. A queued one takes about 3 KB of Redis, an opened one 33 KB more,
 * its window of parts; and since parts of all jobs take turns, an upload among very many could idle
 * until Glacier forgets it. A look that fails changes nothing: an outage has its own answer.
 */
export function watchOpeningLimit(deps: {
  readonly store: Pick<JobStore, 'countByState'>
  readonly readMemory: (signal: AbortSignal) => Promise<RedisMemory>
  /** Jobs in state `uploading`, of all workers. */
  readonly openJobsMax: number
  readonly intervalMs?: number
  /** Told why it is closed, or null when it opens again. */
  readonly onChange: (reason: string | null) => void
  readonly onError: (error: unknown) => void
}): OpeningLimit {
  const { store, openJobsMax } = deps
  let memory: RedisMemory = { usedBytes: 0, maxBytes: 0 }
  let isOpen = false
  let reason: string | null = null

  async function look(signal: AbortSignal): Promise<void> {
    const { uploading } = await store.countByState(signal)
    const before = reason
    reason = whyNot(uploading)
    isOpen = reason === null
    if (reason !== before) deps.onChange(reason)
  }

  function whyNot(uploadingCount: number): string | null {
    if (fill(memory) > FILL_MAX) return `Redis uses more than ${FILL_MAX * 100} % of its memory`
    return uploadingCount < openJobsMax ? null : `OPEN_JOBS_MAX, ${openJobsMax}, are uploading`
  }

  const loop = startLoop({
    intervalMs: deps.intervalMs ?? INTERVAL_MS,
    firstMs: 0,
    async run(signal) {
      memory = await deps.readMemory(signal)
      await look(signal)
    },
    onError: deps.onError,
  })

  return {
    isOpen: () => isOpen,
    noteOpened: (signal) => look(signal).catch(deps.onError),
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  }
}
