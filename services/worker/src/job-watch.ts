import type { JobId } from '@firn/core'
import type { JobWatch } from '@firn/engine'
import type { JobRef } from '@firn/queue'
import { startLoop } from '@firn/runtime'
import type { JobStore, Liveness } from '@firn/store'

/** Why a run was abandoned; not an error. */
class JobStopped extends Error {
  override readonly name = 'JobStopped'
}

/** One watch of one run. */
interface Watched {
  readonly ref: JobRef
  readonly controller: AbortController
}

/** Half the two seconds within which a cancel must reach a part in flight, less the look itself. */
const INTERVAL_MS = 500

/** States in which a part in flight is still worth finishing: a paused job records it. */
const wantsParts: ReadonlySet<string> = new Set(['queued', 'uploading', 'paused', 'finalizing'])

/**
 * Looks at the jobs that this process works for, all in one read, and tells the runs of those
 * that were cancelled, failed or restarted. A look that fails is repeated: the state decides
 * again anyway when a part is recorded.
 */
export function createJobWatcher(deps: {
  readonly store: Pick<JobStore, 'liveness'>
  readonly intervalMs?: number
  readonly onError: (error: unknown) => void
}): AsyncDisposable & { readonly watch: (ref: JobRef) => JobWatch } {
  const watched = new Set<Watched>()

  async function look(signal: AbortSignal): Promise<void> {
    if (watched.size === 0) return
    const ids = [...new Set([...watched].map(({ ref }) => ref.jobId))]
    const found = await deps.store.liveness(ids, signal)
    const byId = new Map<JobId, Liveness | undefined>(ids.map((id, index) => [id, found[index]]))
    for (const { ref, controller } of watched) {
      if (byId.has(ref.jobId) && !isWanted(ref, byId.get(ref.jobId))) {
        controller.abort(new JobStopped(`Job ${ref.jobId} no longer wants parts`))
      }
    }
  }

  const loop = startLoop({
    intervalMs: deps.intervalMs ?? INTERVAL_MS,
    run: look,
    onError: deps.onError,
  })

  return {
    watch(ref) {
      const one = { ref, controller: new AbortController() }
      watched.add(one)
      return {
        signal: one.controller.signal,
        [Symbol.dispose]: () => {
          watched.delete(one)
        },
      }
    },
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  }
}

function isWanted(ref: JobRef, live: Liveness | undefined): boolean {
  return live !== undefined && live.generation === ref.generation && wantsParts.has(live.state)
}
