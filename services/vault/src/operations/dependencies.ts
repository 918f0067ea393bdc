import type { Clock } from '../clock.ts'
import type { Intake } from '../hashing/intake.ts'
import type { Retrieval } from '../retrieval.ts'
import type { VaultStore } from '../storage/vault-store.ts'
import type { Names } from './resources.ts'

/** What operations work with; each takes what it needs. */
export interface OperationDependencies {
  readonly store: VaultStore
  readonly intake: Intake
  readonly retrieval: Retrieval
  readonly names: Names
  readonly clock: Clock
  /** Items of a page, at most. */
  readonly pageMax: number
  /** Vaults of a page, at most. */
  readonly vaultPageMax: number
  readonly uploadIdleMs: number
  readonly jobDelayMs: number
  /** How far inventories, and the counts taken from them, are behind. */
  readonly inventoryLagMs: number
}
