import { setTimeout as sleep } from 'node:timers/promises'
import {
  AbortMultipartUploadCommand,
  DescribeJobCommand,
  DescribeVaultCommand,
  GetJobOutputCommand,
  GlacierClient,
  InitiateJobCommand,
  InvalidParameterValueException,
  paginateListMultipartUploads,
} from '@aws-sdk/client-glacier'
import { z } from 'zod'

export interface GlacierAccess {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface ArchiveRow {
  readonly archiveId: string
  readonly description: string
  readonly sizeBytes: number
  readonly treeHash: string
}

/** What Amazon's own client sees of a Glacier: the checker's second witness. */
export interface GlacierView extends Disposable {
  readonly client: GlacierClient
  readonly uploads: (vault: string) => Promise<readonly { id: string; description: string }[]>
  /** Undefined when this Glacier takes no inventories. */
  readonly inventory: (vault: string) => Promise<readonly ArchiveRow[] | undefined>
  readonly archiveCount: (vault: string) => Promise<number>
  /** The archive's bytes, and the size and tree hash that Glacier claims. */
  readonly retrieve: (
    vault: string,
    archiveId: string,
  ) => Promise<{
    readonly bytes: Uint8Array
    readonly sizeBytes: number
    readonly treeHash: string
  }>
  readonly abort: (vault: string, uploadId: string) => Promise<void>
}

const Inventory = z.object({
  ArchiveList: z.array(
    z.object({
      ArchiveId: z.string(),
      ArchiveDescription: z.string().nullable(),
      Size: z.number(),
      SHA256TreeHash: z.string(),
    }),
  ),
})

const JOB_MAX_MS = 60_000

export function createGlacierView(access: GlacierAccess): GlacierView {
  const { endpoint, region, accessKeyId, secretAccessKey } = access
  const credentials = { accessKeyId, secretAccessKey }
  const client = new GlacierClient({ endpoint, region, credentials })
  const at = (vault: string) => ({ accountId: '-', vaultName: vault })

  const finished = async (vault: string, jobId: string) => {
    const deadline = Date.now() + JOB_MAX_MS
    for (;;) {
      const job = await client.send(new DescribeJobCommand({ ...at(vault), jobId }))
      if (job.StatusCode === 'Succeeded') return job
      if (Date.now() > deadline) throw new Error(`Job ${jobId} is ${job.StatusCode}`)
      await sleep(50)
    }
  }
  const output = async (vault: string, jobId: string): Promise<Uint8Array> => {
    const { body } = await client.send(new GetJobOutputCommand({ ...at(vault), jobId }))
    if (body === undefined) throw new Error(`Job ${jobId} has no output`)
    return await body.transformToByteArray()
  }

  return {
    client,
    async uploads(vault) {
      const found: { id: string; description: string }[] = []
      for await (const page of paginateListMultipartUploads({ client }, at(vault))) {
        for (const upload of page.UploadsList ?? []) {
          const id = upload.MultipartUploadId ?? ''
          found.push({ id, description: upload.ArchiveDescription ?? '' })
        }
      }
      return found
    },
    async archiveCount(vault) {
      const { NumberOfArchives } = await client.send(new DescribeVaultCommand(at(vault)))
      return NumberOfArchives ?? 0
    },
    async inventory(vault) {
      const jobParameters = { Type: 'inventory-retrieval', Format: 'JSON' }
      const jobId = await client
        .send(new InitiateJobCommand({ ...at(vault), jobParameters }))
        .then((answer) => answer.jobId ?? '', isRefusal)
      if (jobId === undefined) return undefined
      await finished(vault, jobId)
      const text = Buffer.from(await output(vault, jobId)).toString()
      return Inventory.parse(JSON.parse(text)).ArchiveList.map((row) => ({
        archiveId: row.ArchiveId,
        description: row.ArchiveDescription ?? '',
        sizeBytes: row.Size,
        treeHash: row.SHA256TreeHash,
      }))
    },
    async retrieve(vault, archiveId) {
      const jobParameters = { Type: 'archive-retrieval', ArchiveId: archiveId }
      const { jobId = '' } = await client.send(
        new InitiateJobCommand({ ...at(vault), jobParameters }),
      )
      const job = await finished(vault, jobId)
      return {
        bytes: await output(vault, jobId),
        sizeBytes: job.ArchiveSizeInBytes ?? -1,
        treeHash: job.ArchiveSHA256TreeHash ?? '',
      }
    },
    async abort(vault, uploadId) {
      await client.send(new AbortMultipartUploadCommand({ ...at(vault), uploadId }))
    },
    [Symbol.dispose]: () => client.destroy(),
  }
}

function isRefusal(error: unknown): undefined {
  if (error instanceof InvalidParameterValueException) return undefined
  throw error
}
