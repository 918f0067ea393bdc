import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Job } from './api-user.ts'
import type { Evidence, Report } from './checker.ts'
import { seededBytes } from './seeded-bytes.ts'
import { treeHashOf } from './tree-hash.ts'

/** One state of a source: its bytes follow from the seed. */
export interface Version {
  readonly seed: string
  readonly sizeBytes: number
}

/** One state of a source that is too large to be made and retrieved whole. */
export interface LargeVersion {
  readonly sizeBytes: number
  readonly treeHash: string
  /** What is there from this byte on, in whole MiB, for spot checks. */
  readonly samples: readonly { readonly start: number; readonly bytes: Uint8Array }[]
}

const Receipt = z.object({
  generation: z.number(),
  vault: z.string(),
  archive: z.object({ archiveId: z.string(), treeHash: z.string() }),
  plan: z.object({ sizeBytes: z.number(), partSizeBytes: z.number() }),
  partTreeHashes: z.array(z.string()),
})

/** I2: what Glacier gives back are the bytes of one version, and everybody agrees on their hash. */
export async function checkArchive(
  evidence: Evidence,
  { job, key }: { readonly job: Job; readonly key: string },
  report: Report,
): Promise<void> {
  const { glacier, vault, versionsByKey, journalDirectory } = evidence
  const { id, archiveId } = job
  if (archiveId === null) return report('I2', `job ${id} is archived without an archive id`)
  const [large] = versionsByKey.get(key) ?? []
  if (large !== undefined && 'treeHash' in large) {
    return await checkLarge(evidence, { job, archiveId, version: large }, report)
  }
  const archive = await glacier.retrieve(vault, archiveId).catch((error: unknown) => {
    report('I2', `archive ${archiveId} of job ${id} cannot be retrieved: ${String(error)}`)
  })
  if (archive === undefined) return
  const versions = versionsByKey.get(key) ?? []
  const version = versions.find(
    (one) => 'seed' in one && seededBytes(one.seed, one.sizeBytes).equals(archive.bytes),
  )
  if (version === undefined) {
    report('I2', `job ${id}: ${archive.bytes.length} bytes that no version of "${key}" ever had`)
  }
  const { treeHash, sizeBytes } = {
    treeHash: treeHashOf(archive.bytes),
    sizeBytes: archive.bytes.length,
  }
  const receipt = await readReceipt(journalDirectory, id)
  checkClaims({ job, archive, receipt, truth: { treeHash, sizeBytes } }, report)
}

/** I2, of an archive that is too large to be retrieved: its hash, and some of its bytes. */
async function checkLarge(
  { glacier, vault, journalDirectory }: Evidence,
  found: { readonly job: Job; readonly archiveId: string; readonly version: LargeVersion },
  report: Report,
): Promise<void> {
  const { job, archiveId, version } = found
  const rows = await glacier.inventory(vault)
  const archive = rows.find((row) => row.archiveId === archiveId)
  if (archive === undefined) return report('I2', `archive ${archiveId} is in no inventory`)
  const receipt = await readReceipt(journalDirectory, job.id)
  checkClaims({ job, archive, receipt, truth: version }, report)
  for (const { start, bytes } of version.samples) {
    const range = { start, end: start + bytes.length }
    const there = await glacier.retrieveRange(vault, archiveId, range)
    if (!Buffer.from(bytes).equals(there)) {
      report('I2', `job ${job.id}: other bytes from byte ${start} on`)
    }
  }
}

interface Claim {
  readonly treeHash: string
  readonly sizeBytes: number
}

/** Job, receipt and Glacier agree with what the archive is. */
function checkClaims(
  claimed: {
    readonly job: Job
    readonly archive: Claim
    readonly receipt: Awaited<ReturnType<typeof readReceipt>>
    readonly truth: Claim
  },
  report: Report,
): void {
  const { job, archive, receipt, truth } = claimed
  const { id, archiveId } = job
  const { treeHash, sizeBytes } = truth
  const claims = {
    job: [job.sha256TreeHash, job.size],
    glacier: [archive.treeHash, archive.sizeBytes],
    receipt: [receipt?.archive.treeHash, receipt?.plan.sizeBytes],
  }
  for (const [who, claim] of Object.entries(claims)) {
    if (isDeepStrictEqual(claim, [treeHash, sizeBytes])) continue
    report('I2', `job ${id}: ${who} says ${claim.join(', ')}; it is ${treeHash}, ${sizeBytes}`)
  }
  if (receipt !== undefined && receipt.archive.archiveId !== archiveId) {
    report('I2', `job ${id}: the receipt names archive ${receipt.archive.archiveId}`)
  }
}

export async function readReceipt(directory: string, id: string) {
  try {
    const text = await readFile(join(directory, id.slice(-1), id, 'receipt.json'), 'utf8')
    return Receipt.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
