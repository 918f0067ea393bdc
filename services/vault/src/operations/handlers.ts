import type { Clock } from '../clock.ts'
import type { VaultConfig } from '../config.ts'
import type { Intake } from '../hashing/intake.ts'
import type { Handler } from '../http/call.ts'
import type { Operation } from '../http/routes.ts'
import type { Retrieval } from '../retrieval.ts'
import type { VaultStore } from '../storage/vault-store.ts'
import { archiveOperations } from './archives.ts'
import { jobOperations } from './jobs.ts'
import { createNames } from './resources.ts'
import { uploadOperations } from './uploads.ts'
import { vaultOperations } from './vaults.ts'

/** Below this page size the live service is meant, whose pages of vaults hold 10. */
const LIVE_PAGE_MAX = 50
const LIVE_VAULT_PAGE_MAX = 10

/** What answers each operation. */
export function createHandlers(dependencies: {
  readonly store: VaultStore
  readonly intake: Intake
  readonly retrieval: Retrieval
  readonly clock: Clock
  readonly config: VaultConfig
}): Readonly<Partial<Record<Operation, Handler>>> {
  const { config } = dependencies
  const { pageMax } = config
  const names = createNames(config.region)
  const vaultPageMax = pageMax <= LIVE_PAGE_MAX ? Math.min(pageMax, LIVE_VAULT_PAGE_MAX) : pageMax
  return {
    ...vaultOperations({ ...dependencies, names, vaultPageMax }),
    ...archiveOperations({ ...dependencies, names }),
    ...uploadOperations({ ...dependencies, ...config, names }),
    ...jobOperations({ ...dependencies, ...config, names }),
  }
}
