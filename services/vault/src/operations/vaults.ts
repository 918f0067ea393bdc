import { invalidParameter } from '../glacier-error.ts'
import type { Answer, Call, Handler } from '../http/call.ts'
import type { Vault } from '../storage/catalog.ts'
import { inventoryOf } from '../storage/inventory.ts'
import type { OperationDependencies } from './dependencies.ts'
import { pageLimit } from './page.ts'
import { isoDate, isVaultName, requiredVault } from './resources.ts'

/** Each archive counts this much beyond its own size, as the live service has it. */
const ARCHIVE_OVERHEAD_BYTES = 32 * 1024

type Dependencies = Pick<
  OperationDependencies,
  'store' | 'names' | 'clock' | 'vaultPageMax' | 'inventoryLagMs'
>

export function vaultOperations(dependencies: Dependencies) {
  const { store, names, clock, inventoryLagMs } = dependencies
  return {
    CreateVault: async (call) => {
      if (!isVaultName(call.vaultName)) {
        throw invalidParameter(`Invalid vault name: ${call.vaultName}`)
      }
      await store.createVault(call.accountId, call.vaultName)
      return { status: 201, headers: { location: names.location(call) } }
    },

    DescribeVault: async (call) => ({
      status: 200,
      json: describeVault(requiredVault(store, names, call), dependencies),
    }),

    ListVaults: async (call) => listVaults(call, dependencies),

    DeleteVault: async (call) => {
      const vault = store.catalog.find(call.accountId, call.vaultName)
      const isClear = (): boolean => {
        if (vault === undefined) return true
        const inventory = inventoryOf(vault, clock.nowMs(), inventoryLagMs)
        return inventory.archives.length === 0 && !inventory.isBehind
      }
      if (vault !== undefined && !(isClear() && (await store.deleteVault(vault)))) {
        const arn = names.arn(call.accountId, call.vaultName)
        throw invalidParameter(`Vault not empty or recently written to: ${arn}`)
      }
      return { status: 204 }
    },
  } satisfies Record<string, Handler>
}

/** Counts are those of the last inventory. */
function describeVault(vault: Vault, { names, clock, inventoryLagMs }: Dependencies): object {
  const { dateMs, archives } = inventoryOf(vault, clock.nowMs(), inventoryLagMs)
  const { accountId, name, createdAtMs } = vault.record
  return {
    CreationDate: isoDate(createdAtMs),
    LastInventoryDate: dateMs === null ? null : isoDate(dateMs),
    NumberOfArchives: archives.length,
    SizeInBytes: archives.reduce(
      (sum, { header }) => sum + header.sizeBytes + ARCHIVE_OVERHEAD_BYTES,
      0,
    ),
    VaultARN: names.arn(accountId, name),
    VaultName: name,
  }
}

/** The marker is the ARN of the last vault of the page before. */
function listVaults(call: Call, dependencies: Dependencies): Answer {
  const { store, names, vaultPageMax } = dependencies
  const limit = pageLimit(call, vaultPageMax)
  const marker = call.query.get('marker') ?? ''
  const prefix = names.arn(call.accountId, '')
  if (marker !== '' && !marker.startsWith(prefix)) {
    throw invalidParameter(`The marker is not valid: ${marker}`)
  }
  const after = marker.slice(prefix.length)
  const vaults = store.catalog.list(call.accountId).filter(({ record }) => record.name > after)
  const page = vaults.slice(0, limit)
  const last = vaults.length > limit ? page.at(-1) : undefined
  return {
    status: 200,
    json: {
      Marker: last === undefined ? null : names.arn(call.accountId, last.record.name),
      VaultList: page.map((vault) => describeVault(vault, dependencies)),
    },
  }
}
