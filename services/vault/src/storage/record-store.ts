import { newKey } from '../ids.ts'
import { jobFile, outputFile, type Vault, vaultFile } from './catalog.ts'
import type { DataDirectory } from './data-directory.ts'
import type { JobRecord, VaultRecord } from './records.ts'

/** Jobs, and what is written down of a vault as a whole. */
export interface RecordStore {
  /**
   * False when the vault was deleted meanwhile. `outputTempPath` names the job's output, written
   * and synced; it is gone if this fails.
   */
  readonly createJob: (vault: Vault, record: JobRecord, outputTempPath?: string) => Promise<boolean>
  /**
   * Replaces the vault's record by what `change` makes of it; changes of one vault come one after
   * another. What `change` throws is thrown. False when the vault was deleted meanwhile.
   */
  readonly updateVault: (
    vault: Vault,
    change: (record: VaultRecord) => VaultRecord,
  ) => Promise<boolean>
}

export function createRecordStore(directory: DataDirectory): RecordStore {
  const { files } = directory
  return {
    createJob: (vault, record, outputTempPath) =>
      vault.gate.shared(async () => {
        const key = newKey()
        try {
          if (vault.isDeleted) return false
          directory.assertSound()
          if (outputTempPath !== undefined) {
            await files.publish(outputTempPath, outputFile(vault, key))
          }
          await files.write(jobFile(vault, key), JSON.stringify(record))
          vault.jobs.set(record.jobId, { key, record })
          return true
        } finally {
          if (outputTempPath !== undefined) await files.discard(outputTempPath)
        }
      }),

    updateVault: (vault, change) =>
      vault.gate.shared(() =>
        vault.recordGate.exclusive(async () => {
          if (vault.isDeleted) return false
          const record = change(vault.record)
          directory.assertSound()
          await files.write(vaultFile(vault), JSON.stringify(record))
          vault.record = record
          return true
        }),
      ),
  }
}
