import { invalidParameter } from '../glacier-error.ts'
import type { Answer, Call, Handler } from '../http/call.ts'
import type { Vault } from '../storage/catalog.ts'
import type { VaultStore } from '../storage/vault-store.ts'
import { pageLimit } from './page.ts'
import { isoDate, isVaultName, type Names, requiredVault } from './resources.ts'

/** Each archive counts this much beyond its own size, as the live service has it. */
const ARCHIVE_OVERHEAD_BYTES = 32 * 1024

interface Dependencies {
  readonly store: VaultStore
  readonly names: Names
  readonly vaultPageMax: number
}

export function vaultOperations(dependencies: Dependencies) {
  const { store, names, vaultPageMax } = dependencies
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
      json: describeVault(names, requiredVault(store, names, call)),
    }),

    ListVaults: async (call) => listVaults(call, { store, names, vaultPageMax }),

    DeleteVault: async (call) => {
      const vault = store.catalog.find(call.accountId, call.vaultName)
      if (vault !== undefined && !(await store.deleteVault(vault))) {
        const arn = names.arn(call.accountId, call.vaultName)
        throw invalidParameter(`Vault not empty or recently written to: ${arn}`)
      }
      return { status: 204 }
    },
  } satisfies Record<string, Handler>
}

function describeVault(names: Names, vault: Vault): object {
  const archives = [...vault.archives.values()].filter(({ deletedAtMs }) => deletedAtMs === null)
  const { accountId, name, createdAtMs } = vault.record
  return {
    CreationDate: isoDate(createdAtMs),
    LastInventoryDate: null,
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
function listVaults(call: Call, { store, names, vaultPageMax }: Dependencies): Answer {
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
      VaultList: page.map((vault) => describeVault(names, vault)),
    },
  }
}
