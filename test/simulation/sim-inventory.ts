import { AppError } from '@firn/core'
import type { Inventories, Inventory } from '@firn/glacier'
import type { SimArchive } from './sim-glacier.ts'

const DAY_MS = 24 * 3600 * 1000

export interface InventoryModel extends Inventories {
  /** The daily inventory: none is made while nothing has changed. */
  readonly takeInventory: () => void
}

/**
 * A vault's inventories. One shows the vault as it was `lagMs` before its date, which stays as it
 * is while nothing changes; reading one takes `delayMs`, and its output is kept for a day.
 */
export function createInventoryModel(options: {
  readonly now: () => number
  readonly archives: readonly SimArchive[]
  readonly lagMs: number
  readonly delayMs: number
}): InventoryModel {
  const { now, archives, lagMs, delayMs } = options
  let latest: Inventory | undefined
  const jobs: { readonly inventory: Inventory; readonly readyAtMs: number }[] = []
  return {
    takeInventory() {
      const shown = archives.filter(({ createdAtMs }) => createdAtMs <= now() - lagMs)
      if (shown.length === (latest?.archives.length ?? 0)) return
      latest = { account: null, takenAtMs: now(), archives: shown }
    },
    inventoryDateMs: async () => latest?.takenAtMs ?? null,
    async askInventory({ sinceMs }) {
      if (latest === undefined) throw new AppError('OUTCOME_UNKNOWN', 'no inventory yet')
      const narrowed = latest.archives.filter(({ createdAtMs }) => createdAtMs >= sinceMs)
      jobs.push({ inventory: { ...latest, archives: narrowed }, readyAtMs: now() + delayMs })
      return { inventoryJobId: String(jobs.length - 1) }
    },
    async readInventory({ inventoryJobId }) {
      const job = jobs[Number(inventoryJobId)]
      if (job === undefined || now() > job.readyAtMs + DAY_MS) return 'gone'
      return now() < job.readyAtMs ? 'pending' : job.inventory
    },
  }
}
