import {
  DescribeJobCommand,
  DescribeVaultCommand,
  GetJobOutputCommand,
  InitiateJobCommand,
} from '@aws-sdk/client-glacier'
import { AppError } from '@firn/core'
import { accountId, type Calls, outcomeUnknown } from './calls.ts'
import type { Inventories, Inventory } from './glacier.ts'
import { parseId, parseInventory, parseInventoryDate } from './parse-answers.ts'

/** The calls that ask what a vault held when Glacier last looked. */
export function createInventoryCalls(calls: Calls): Inventories {
  const { client, call, requestTimeoutMs, longTimeoutMs } = calls
  return {
    inventoryDateMs: (vault, signal) => inventoryDateMs(calls, vault, signal),

    async askInventory({ vault, sinceMs }, signal) {
      const doing = `Cannot ask for the inventory of vault "${vault}"`
      // Glacier takes whole seconds; rounded down, so that nothing from `sinceMs` on is left out.
      const StartDate = `${new Date(sinceMs).toISOString().slice(0, 19)}Z`
      const command = new InitiateJobCommand({
        accountId,
        vaultName: vault,
        jobParameters: {
          Type: 'inventory-retrieval',
          Format: 'JSON',
          InventoryRetrievalParameters: { StartDate },
        },
      })
      const attempt = { vault, doing, uploadId: null, isPart: false } as const
      const request = {
        ...attempt,
        operation: 'InitiateJob',
        timeoutMs: requestTimeoutMs,
      } as const
      const answer = await call(request, signal, (options) => client.send(command, options)).catch(
        (error: unknown) => {
          // Before its first inventory a vault answers as if it were not there.
          if (!(error instanceof AppError) || error.code !== 'GLACIER_VAULT_NOT_FOUND') throw error
          throw new AppError('OUTCOME_UNKNOWN', `${doing}: there is none yet`, { cause: error })
        },
      )
      const inventoryJobId = parseId(answer.jobId)
      if (inventoryJobId === undefined) throw outcomeUnknown(doing, 'without a job id')
      return { inventoryJobId }
    },

    async readInventory({ vault, inventoryJobId }, signal) {
      const doing = `Cannot read the inventory of vault "${vault}"`
      const job = { accountId, vaultName: vault, jobId: inventoryJobId }
      // A 404 names the job as it names an upload: by its id.
      const attempt = { vault, doing, uploadId: inventoryJobId, isPart: false } as const
      try {
        const describe = {
          ...attempt,
          operation: 'DescribeJob',
          timeoutMs: requestTimeoutMs,
        } as const
        const description = await call(describe, signal, (options) =>
          client.send(new DescribeJobCommand(job), options),
        )
        if (description.StatusCode === 'Failed') return 'gone'
        if (description.StatusCode !== 'Succeeded') return 'pending'
        const read = {
          ...attempt,
          operation: 'GetJobOutput',
          timeoutMs: longTimeoutMs,
        } as const
        return await call(read, signal, async (options): Promise<Inventory> => {
          const output = await client.send(new GetJobOutputCommand(job), options)
          return parseInventory((await output.body?.transformToString()) ?? '')
        })
      } catch (error) {
        const isGone = error instanceof AppError && error.code === 'GLACIER_UPLOAD_NOT_FOUND'
        if (isGone) return 'gone'
        throw error
      }
    },
  }
}

async function inventoryDateMs(
  { client, call, requestTimeoutMs: timeoutMs }: Calls,
  vault: string,
  signal: AbortSignal,
): Promise<number | null> {
  const doing = `Cannot ask how old the inventory of vault "${vault}" is`
  const command = new DescribeVaultCommand({ accountId, vaultName: vault })
  const attempt = { vault, doing, timeoutMs, uploadId: null, isPart: false } as const
  const request = { ...attempt, operation: 'DescribeVault' } as const
  return parseInventoryDate(await call(request, signal, (options) => client.send(command, options)))
}
