import { setTimeout as sleep } from 'node:timers/promises'
import {
  AbortMultipartUploadCommand,
  DeleteVaultCommand,
  DescribeJobCommand,
  GetJobOutputCommand,
  GlacierClient,
  InitiateJobCommand,
  type JobParameters,
  paginateListMultipartUploads,
  ResourceNotFoundException,
  UploadArchiveCommand,
  UploadMultipartPartCommand,
} from '@aws-sdk/client-glacier'
import { z } from 'zod'
import { treeHashOf } from './tree-hash.ts'

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
  readonly inventory: (vault: string) => Promise<readonly ArchiveRow[]>
  /** The archive's bytes, and the size and tree hash that Glacier claims. */
  readonly retrieve: (
    vault: string,
    archiveId: string,
  ) => Promise<{
    readonly bytes: Uint8Array
    readonly sizeBytes: number
    readonly treeHash: string
  }>
  /** Some of the archive's bytes, in whole MiB: `start` inclusive, `end` exclusive. */
  readonly retrieveRange: (
    vault: string,
    archiveId: string,
    range: { readonly start: number; readonly end: number },
  ) => Promise<Uint8Array>
  /** Uploads other bytes over a part of an open upload. */
  readonly overwrite: (
    vault: string,
    part: { readonly uploadId: string; readonly first: number; readonly bytes: Uint8Array },
  ) => Promise<void>
  /** Puts an archive into the vault that has nothing to do with Firn. */
  readonly archiveOfOthers: (vault: string) => Promise<void>
  readonly abort: (vault: string, uploadId: string) => Promise<void>
  /** Aborts all uploads and deletes the vault, which must never have held an archive. */
  readonly deleteVault: (vault: string) => Promise<void>
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

/** The description of what {@link GlacierView.archiveOfOthers} puts there. */
export const OF_OTHERS = 'not of Firn'
const JOB_MAX_MS = 60_000

export function createGlacierView(access: GlacierAccess): GlacierView {
  const { endpoint, region, accessKeyId, secretAccessKey } = access
  const credentials = { accessKeyId, secretAccessKey }
  const client = new GlacierClient({ endpoint, region, credentials })
  const at = (vault: string) => ({ accountId: '-', vaultName: vault })
  const abort = async (vault: string, uploadId: string): Promise<void> => {
    await client.send(new AbortMultipartUploadCommand({ ...at(vault), uploadId }))
  }
  const uploads = (vault: string) => listUploads(client, at(vault))

  return {
    ...{ client, uploads, abort },
    async inventory(vault) {
      const asked = { Type: 'inventory-retrieval', Format: 'JSON' }
      // A vault that never held anything has no inventory.
      const done = await carryOut(client, at(vault), asked).catch(unlessMissing)
      if (done === undefined) return []
      return Inventory.parse(JSON.parse(Buffer.from(done.bytes).toString())).ArchiveList.map(
        (row) => ({
          archiveId: row.ArchiveId,
          description: row.ArchiveDescription ?? '',
          sizeBytes: row.Size,
          treeHash: row.SHA256TreeHash,
        }),
      )
    },
    async retrieve(vault, archiveId) {
      const asked = { Type: 'archive-retrieval', ArchiveId: archiveId }
      const { job, bytes } = await carryOut(client, at(vault), asked)
      const { ArchiveSizeInBytes: sizeBytes = -1, ArchiveSHA256TreeHash: treeHash = '' } = job
      return { bytes, sizeBytes, treeHash }
    },
    async retrieveRange(vault, archiveId, { start, end }) {
      const range = { RetrievalByteRange: `${start}-${end - 1}` }
      const asked = { Type: 'archive-retrieval', ArchiveId: archiveId, ...range }
      return (await carryOut(client, at(vault), asked)).bytes
    },
    async overwrite(vault, { uploadId, first, bytes }) {
      const range = `bytes ${first}-${first + bytes.length - 1}/*`
      const checksum = treeHashOf(bytes)
      await client.send(
        new UploadMultipartPartCommand({ ...at(vault), uploadId, range, checksum, body: bytes }),
      )
    },
    async archiveOfOthers(vault) {
      const body = Buffer.from('other')
      const checksum = treeHashOf(body)
      const archiveDescription = OF_OTHERS
      await client.send(
        new UploadArchiveCommand({ ...at(vault), archiveDescription, checksum, body }),
      )
    },
    async deleteVault(vault) {
      for (const { id } of await uploads(vault)) await abort(vault, id)
      await client.send(new DeleteVaultCommand(at(vault)))
    },
    [Symbol.dispose]: () => client.destroy(),
  }
}

interface VaultName {
  readonly accountId: string
  readonly vaultName: string
}

async function listUploads(client: GlacierClient, vault: VaultName) {
  const found: { id: string; description: string }[] = []
  try {
    for await (const page of paginateListMultipartUploads({ client }, vault)) {
      for (const upload of page.UploadsList ?? []) {
        const id = upload.MultipartUploadId ?? ''
        found.push({ id, description: upload.ArchiveDescription ?? '' })
      }
    }
  } catch (error) {
    // Without its vault there is no upload either.
    unlessMissing(error)
  }
  return found
}

/** Has Glacier retrieve something, and reads it. */
async function carryOut(client: GlacierClient, vault: VaultName, jobParameters: JobParameters) {
  const { jobId = '' } = await client.send(new InitiateJobCommand({ ...vault, jobParameters }))
  const job = await finished(client, { ...vault, jobId })
  return { job, bytes: await output(client, { ...vault, jobId }) }
}

interface JobName extends VaultName {
  readonly jobId: string
}

async function finished(client: GlacierClient, name: JobName) {
  const deadline = Date.now() + JOB_MAX_MS
  for (;;) {
    const job = await client.send(new DescribeJobCommand(name))
    if (job.StatusCode === 'Succeeded') return job
    if (Date.now() > deadline) throw new Error(`Job ${name.jobId} is ${job.StatusCode}`)
    await sleep(50)
  }
}

async function output(client: GlacierClient, name: JobName): Promise<Uint8Array> {
  const { body } = await client.send(new GetJobOutputCommand(name))
  if (body === undefined) throw new Error(`Job ${name.jobId} has no output`)
  return await body.transformToByteArray()
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof ResourceNotFoundException) return undefined
  throw error
}
