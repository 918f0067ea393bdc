import { type Controls, isVaultHeld, type JobId, type Progress, workFor } from '@firn/core'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'

/** What one pass of the sweeper did. */
export interface SweepReport {
  /** Jobs with work left. */
  readonly due: number
  /** Of these, announced again because nothing had moved since the pass before. */
  readonly nudged: number
  /** Bytes of opened uploads that are not uploaded yet; not of those that an operator holds. */
  readonly backlogBytes: number
  /** When the oldest was accepted that no operator holds, or null when there is none. */
  readonly oldestCreatedAtMs: number | null
  /** Whether an operator holds everything, as this pass knew. */
  readonly isHeld: boolean
  /** Vaults that an operator holds by name. */
  readonly heldVaultCount: number
  /** Since when the oldest doubt lasts of whether an archive was made; null when there is none. */
  readonly oldestDoubtMs: number | null
}

const PAGE_SIZE = 200

/**
 * Heals what crashes leave behind: work that the state calls for and no queue holds. A job is
 * touched only when it stood still since the pass before, so a healthy one costs one read. Passes
 * of several processes may overlap; all they do is safe to repeat.
 */
export function createSweeper(deps: JobDeps): {
  readonly sweep: (signal: AbortSignal) => Promise<SweepReport>
} {
  let seen: ReadonlyMap<JobId, string> = new Map()

  async function visit(stored: StoredJob, before: string | undefined, signal: AbortSignal) {
    const { job } = stored
    if (workFor(job.progress) === undefined) {
      await deps.store.reindex(job.definition.id, signal)
      return false
    }
    if (before !== position(stored)) return false
    return await enqueueWork(deps, job, signal)
  }

  return {
    async sweep(signal) {
      const found = new Map<JobId, string>()
      const controls = deps.controls()
      let nudged = 0
      let backlogBytes = 0
      let oldestCreatedAtMs: number | null = null
      let oldestDoubtMs: number | null = null
      let cursor: string | null = null
      do {
        const page = await deps.store.listDue({ cursor, limit: PAGE_SIZE }, signal)
        for (const stored of page.items) {
          const { id, createdAtMs } = stored.job.definition
          if (!isHeldBack(stored, controls)) {
            backlogBytes += remainingBytes(stored)
            oldestCreatedAtMs = Math.min(oldestCreatedAtMs ?? createdAtMs, createdAtMs)
          }
          oldestDoubtMs = earlier(oldestDoubtMs, stored.job.progress)
          if (await visit(stored, seen.get(id), signal)) nudged += 1
          found.set(id, position(stored))
        }
        cursor = page.nextCursor
      } while (cursor !== null)
      seen = found
      const { isHeld, heldVaults } = controls
      const held = { isHeld, heldVaultCount: heldVaults.length }
      return { due: found.size, nudged, backlogBytes, oldestCreatedAtMs, oldestDoubtMs, ...held }
    },
  }
}

/** Whether an operator's hold keeps workers from it. What has all its parts goes on all the same. */
export function isHeldBack({ job }: StoredJob, controls: Controls): boolean {
  const work = workFor(job.progress)
  const isForWorkers = work === 'open' || work === 'upload-parts'
  return isForWorkers && isVaultHeld(controls, job.definition.vault)
}

function earlier(doubtMs: number | null, progress: Progress): number | null {
  if (progress.state !== 'reconciling') return doubtMs
  return Math.min(doubtMs ?? progress.doubtSinceMs, progress.doubtSinceMs)
}

function remainingBytes({ job, counts }: StoredJob): number {
  if (job.progress.state !== 'uploading') return 0
  return job.progress.upload.plan.sizeBytes - counts.uploadedBytes
}

/** Changes whenever the job moves. */
function position({ version, counts }: StoredJob): string {
  return `${version} ${counts.uploadedParts} ${counts.openedParts}`
}
