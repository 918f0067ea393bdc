import { isVaultHeld, type JobId } from '@firn/core'
import type { JobPage, StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'

const PAGE_SIZE = 200
/** Tries before a day is over, when the one before came to nothing. */
const TRIES = 8

/**
 * Looks for paused jobs whose upload has stood still for `keepAliveMs`, and has workers keep it
 * alive: the `open` job of a paused job does. Nothing is asked for while an operator holds the vault.
 */
export function createUploadKeeper(deps: JobDeps & { readonly keepAliveMs: number }): {
  /** Returns how many uploads it asked workers to keep. */
  readonly look: (signal: AbortSignal) => Promise<number>
} {
  const { keepAliveMs } = deps
  let askedAtMs: ReadonlyMap<JobId, number> = new Map()

  const isDue = ({ job, counts }: StoredJob): boolean => {
    const { progress, definition, updatedAtMs } = job
    if (progress.state !== 'paused' || progress.upload === null) return false
    if (counts.uploadedParts === 0 || isVaultHeld(deps.controls(), definition.vault)) return false
    const askedMs = askedAtMs.get(definition.id) ?? Number.NEGATIVE_INFINITY
    const isAsked = askedMs >= updatedAtMs && deps.now() - askedMs < keepAliveMs / TRIES
    return deps.now() - updatedAtMs >= keepAliveMs && !isAsked
  }

  return {
    async look(signal) {
      if (keepAliveMs === 0) return 0
      const asked = new Map<JobId, number>()
      let count = 0
      let cursor: string | null = null
      do {
        const query = { state: 'paused', cursor, limit: PAGE_SIZE } as const
        const page: JobPage = await deps.store.list(query, signal)
        for (const stored of page.items) {
          const { id, priority } = stored.job.definition
          const before = askedAtMs.get(id)
          if (before !== undefined) asked.set(id, before)
          if (!isDue(stored)) continue
          const { generation } = stored.job.progress
          await deps.queues.addOpen({ jobId: id, generation }, priority, signal)
          asked.set(id, deps.now())
          count += 1
        }
        cursor = page.nextCursor
      } while (cursor !== null)
      askedAtMs = asked
      return count
    },
  }
}
