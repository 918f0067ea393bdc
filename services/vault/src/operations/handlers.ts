import type { Clock } from '../clock.ts'
import type { VaultConfig } from '../config.ts'
import type { Intake } from '../hashing/intake.ts'
import type { Handler } from '../http/call.ts'
import type { Operation } from '../http/routes.ts'
import type { Retrieval } from '../retrieval.ts'
import type { VaultStore } from '../storage/vault-store.ts'
import { accountOperations } from './accounts.ts'
import { archiveOperations } from './archives.ts'
import type { OperationDependencies } from './dependencies.ts'
import { jobOperations } from './jobs.ts'
import { createNames } from './resources.ts'
import { uploadOperations } from './uploads.ts'
import { vaultLockOperations } from './vault-lock.ts'
import { vaultSettingOperations } from './vault-settings.ts'
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
}): Readonly<Record<Operation, Handler>> {
  const { config } = dependencies
  const { pageMax } = config
  const names = createNames(config.region)
  const vaultPageMax = pageMax <= LIVE_PAGE_MAX ? Math.min(pageMax, LIVE_VAULT_PAGE_MAX) : pageMax
  const all: OperationDependencies = { ...dependencies, ...config, names, vaultPageMax }
  return {
    ...vaultOperations(all),
    ...archiveOperations(all),
    ...uploadOperations(all),
    ...jobOperations(all),
    ...vaultSettingOperations(all),
    ...vaultLockOperations(all),
    ...accountOperations(all),
  }
}
