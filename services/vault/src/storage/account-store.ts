import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { invariant } from '@firn/core'
import { createGate } from '../gate.ts'
import type { DataDirectory } from './data-directory.ts'
import { AccountRecord } from './records.ts'

/** What belongs to an account as a whole. */
export interface AccountStore {
  /** The defaults, when nothing was set. */
  readonly read: (accountId: string) => Promise<AccountRecord>
  /** Replaces the record by what `change` makes of it. What `change` throws is thrown. */
  readonly update: (
    accountId: string,
    change: (record: AccountRecord) => AccountRecord,
  ) => Promise<void>
}

const unset: AccountRecord = { retrievalPolicy: { strategy: 'None' }, capacity: [] }

export function createAccountStore(directory: DataDirectory): AccountStore {
  const { files, accountsDir } = directory
  const gate = createGate()

  const pathOf = (accountId: string): string => {
    // Comes from the configuration, but a path is no place for trust.
    invariant(/^\d{12}$/.test(accountId), `account "${accountId}"`)
    return join(accountsDir, `${accountId}.json`)
  }

  const read = async (accountId: string): Promise<AccountRecord> => {
    const path = pathOf(accountId)
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    return text === undefined ? unset : AccountRecord.parse(JSON.parse(text))
  }

  return {
    read,
    update: (accountId, change) =>
      gate.exclusive(async () => {
        const record = change(await read(accountId))
        directory.assertSound()
        await files.write(pathOf(accountId), JSON.stringify(record))
      }),
  }
}
