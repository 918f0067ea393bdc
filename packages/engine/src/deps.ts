import type { Controls } from '@firn/core'
import type { Glacier, Inventories } from '@firn/glacier'
import type { Journal } from '@firn/journal'
import type { JobQueues } from '@firn/queue'
import type { Sources } from '@firn/sources'
import type { JobStore } from '@firn/store'

/** What every use case needs: where jobs live and how work is announced. */
export interface JobDeps {
  readonly store: JobStore
  readonly journal: Journal
  readonly queues: JobQueues
  /** What operators have set, as far as this process knows by now. */
  readonly controls: () => Controls
  /** Unix time in milliseconds. */
  readonly now: () => number
}

/** What the use cases that talk to Glacier need besides. */
export interface GlacierDeps extends JobDeps {
  readonly glacier: Glacier
}

export interface FinalizeDeps extends GlacierDeps {
  /** For the receipt: the AWS region of the vault, or null when none is configured. */
  readonly region: string | null
  readonly inventories: Inventories
  /**
   * How much newer than a doubt an inventory must be to prove that nothing was created: the
   * service takes inventories about daily and does not say from when their content is.
   */
  readonly inventoryMarginMs: number
  /** How long a doubt waits for such an inventory before it needs an operator. */
  readonly inventoryPatienceMs: number
}

/** What the use cases that read sources need besides. */
export interface SourceDeps extends GlacierDeps {
  readonly sources: Sources
}

/** What opening an upload, and keeping it open, needs besides. */
export interface OpenDeps extends SourceDeps {
  /** How long the upload of a paused job may stand still before it is kept alive; 0 for ever. */
  readonly keepAliveMs: number
}
