import { PageQuery, type VaultView } from '@firn/contracts'
import type { VaultDescription, Vaults } from '@firn/glacier'
import type { Call, Handler } from './call.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { readQuery, readVaultName } from './read-input.ts'

/** The calls that Glacier answers. */
export function vaultHandlers(deps: { readonly vaults: Vaults }) {
  return {
    listVaults: (call) => listVaults(deps.vaults, call),
    async createVault({ params, signal, log }) {
      const name = readVaultName(params.name)
      await deps.vaults.createVault(name, signal)
      log.info({ vault: name }, 'vault created')
      return { body: { name } }
    },
  } as const satisfies Record<string, Handler>
}

async function listVaults(vaults: Vaults, { req, signal }: Call) {
  const query = readQuery(PageQuery, req.url)
  const after = decodeCursor('vaults', query.cursor)
  const items: VaultView[] = []
  // Glacier lists by name, so the last name of a page is where the next one begins.
  for await (const vault of vaults.listVaults(signal)) {
    if (after !== null && vault.name <= after) continue
    if (items.length === query.limit) {
      return { body: { items, nextCursor: encodeCursor('vaults', items.at(-1)?.name ?? '') } }
    }
    items.push(vaultToView(vault))
  }
  return { body: { items, nextCursor: null } }
}

function vaultToView({ name, arn, createdAt, archiveCount, sizeBytes }: VaultDescription) {
  return { name, arn, createdAt, archiveCount, size: sizeBytes }
}
