import {
  CreateVaultCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  ListVaultsCommand,
} from '@aws-sdk/client-glacier'
import { ascendingParts } from './ascending-parts.ts'
import { accountId, type Calls } from './calls.ts'
import type { Glacier, Vaults } from './glacier.ts'
import { listPages, type Page } from './list-pages.ts'
import { malformed, parseOpenUpload, parseStoredPart, parseVault } from './parse-answers.ts'

type ListCalls = Pick<Glacier, 'listParts' | 'listUploads'> & Vaults

/** The calls that read, page by page, and the one that makes a vault. */
export function createListCalls({ client, call, requestTimeoutMs: timeoutMs }: Calls): ListCalls {
  const vaultWide = { timeoutMs, uploadId: null, isPart: false } as const
  return {
    listParts({ vault, uploadId }, signal) {
      const doing = `Cannot list the parts of an upload to vault "${vault}"`
      const request = { operation: 'ListParts', vault, doing, ...vaultWide, uploadId } as const
      const parts = listPages(async (marker) => {
        const command = new ListPartsCommand({ accountId, vaultName: vault, uploadId, marker })
        const page = await call(request, signal, (options) => client.send(command, options))
        return pageOf(page.Parts, parseStoredPart, page.Marker)
      })
      return ascendingParts(parts)
    },

    listUploads(vault, signal) {
      const doing = `Cannot list the uploads to vault "${vault}"`
      const request = { operation: 'ListMultipartUploads', vault, doing, ...vaultWide } as const
      return listPages(async (marker) => {
        const command = new ListMultipartUploadsCommand({ accountId, vaultName: vault, marker })
        const page = await call(request, signal, (options) => client.send(command, options))
        return pageOf(page.UploadsList, parseOpenUpload, page.Marker)
      })
    },

    listVaults(signal) {
      const request = {
        operation: 'ListVaults',
        vault: null,
        doing: 'Cannot list vaults',
        ...vaultWide,
      } as const
      return listPages(async (marker) => {
        const command = new ListVaultsCommand({ accountId, marker })
        const page = await call(request, signal, (options) => client.send(command, options))
        return pageOf(page.VaultList, parseVault, page.Marker)
      })
    },

    async createVault(name, signal) {
      const doing = `Cannot create vault "${name}"`
      const command = new CreateVaultCommand({ accountId, vaultName: name })
      const request = { operation: 'CreateVault', vault: name, doing, ...vaultWide } as const
      await call(request, signal, (options) => client.send(command, options))
    },
  }
}

/** A page without its list is not an empty list: somebody else answered. */
function pageOf<Element, Item>(
  elements: readonly Element[] | undefined,
  parse: (element: Element) => Item,
  marker: string | undefined,
): Page<Item> {
  if (elements === undefined) throw malformed('a page of a list', null)
  return { items: elements.map(parse), marker }
}
