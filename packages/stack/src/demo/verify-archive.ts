import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DescribeJobCommand,
  GetJobOutputCommand,
  type GlacierClient,
  InitiateJobCommand,
} from '@aws-sdk/client-glacier'
import { createTreeHashFold, MIB, treeHash } from '@firn/core'

const JOB_POLL_MS = 200
/** A power of two MiB from offset 0: then Glacier sends the tree hash of each range. */
const RANGE_BYTES = 16 * MIB

/** What the archive is compared with. */
export interface ExpectedArchive {
  readonly file: string
  readonly vault: string
  readonly archiveId: string
  /** Lower-case hex. */
  readonly treeHash: string
  readonly sizeBytes: number
}

/** The archive is not what was put in; the message says from which byte on. */
export class ArchiveDiffersError extends Error {
  override readonly name = 'ArchiveDiffersError'
}

/**
 * Retrieves the archive through Glacier's own API and compares every byte with the file, range by
 * range in bounded memory, and every tree hash on the way: that of each range, and of the whole.
 */
export async function verifyArchive(
  glacier: GlacierClient,
  expected: ExpectedArchive,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const jobId = await prepareRetrieval(glacier, expected, signal)
  await using source = await open(expected.file)
  const { size } = await source.stat()
  if (size !== expected.sizeBytes) {
    throw new ArchiveDiffersError(
      `${expected.file} has ${size} bytes, its archive ${expected.sizeBytes}`,
    )
  }
  const whole = createTreeHashFold()
  for (let start = 0; start < expected.sizeBytes; start += RANGE_BYTES) {
    const end = Math.min(start + RANGE_BYTES, expected.sizeBytes)
    const range = { source, jobId, start, end, vault: expected.vault, file: expected.file }
    whole.push(await verifyRange(glacier, range, onBytes, signal))
  }
  const root = whole.root().toString('hex')
  if (root !== expected.treeHash) {
    throw new ArchiveDiffersError(
      `The bytes retrieved have the tree hash ${root}, and the job says ${expected.treeHash}`,
    )
  }
}

async function prepareRetrieval(
  glacier: GlacierClient,
  expected: ExpectedArchive,
  signal: AbortSignal,
): Promise<string> {
  const target = { accountId: '-', vaultName: expected.vault }
  const jobParameters = { Type: 'archive-retrieval', ArchiveId: expected.archiveId }
  const { jobId } = await glacier.send(new InitiateJobCommand({ ...target, jobParameters }), {
    abortSignal: signal,
  })
  if (jobId === undefined) throw new Error('InitiateJob gave no job id')
  for (;;) {
    const job = await glacier.send(new DescribeJobCommand({ ...target, jobId }), {
      abortSignal: signal,
    })
    if (job.StatusCode === 'Failed') throw new Error(`Retrieval failed: ${job.StatusMessage}`)
    if (job.Completed === true) {
      const { ArchiveSizeInBytes: size, ArchiveSHA256TreeHash: hash } = job
      if (size === expected.sizeBytes && hash === expected.treeHash) return jobId
      throw new ArchiveDiffersError(
        `Glacier has ${size} bytes with the tree hash ${hash}, and the job says ${expected.sizeBytes} and ${expected.treeHash}`,
      )
    }
    await sleep(JOB_POLL_MS, undefined, { signal })
  }
}

interface Range {
  readonly source: FileHandle
  readonly file: string
  readonly vault: string
  readonly jobId: string
  readonly start: number
  readonly end: number
}

async function verifyRange(
  glacier: GlacierClient,
  range: Range,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Buffer> {
  const { source, start, end } = range
  const output = await glacier.send(
    new GetJobOutputCommand({
      accountId: '-',
      vaultName: range.vault,
      jobId: range.jobId,
      range: `bytes=${start}-${end - 1}`,
    }),
    { abortSignal: signal },
  )
  const [retrieved, wanted] = await Promise.all([
    collect(output.body, range, onBytes),
    readFully(source, range),
  ])
  if (!retrieved.equals(wanted)) {
    const offset = wanted.findIndex((byte, index) => byte !== retrieved[index])
    throw differs(range, start + offset, 'the bytes differ')
  }
  const root = treeHash(retrieved)
  if (output.checksum !== root.toString('hex')) {
    throw differs(range, start, `Glacier gives its tree hash as ${output.checksum}`)
  }
  return root
}

function differs({ file, start, end }: Range, position: number, reason: string): Error {
  return new ArchiveDiffersError(
    `${file} at byte ${position} (range ${start} to ${end}): ${reason}`,
  )
}

/** The bytes of one range of the answer. */
async function collect(
  body: unknown,
  range: Range,
  onBytes: (bytes: number) => void,
): Promise<Buffer> {
  if (!(body instanceof Readable)) throw new Error('GetJobOutput answered without a stream')
  const bytes = Buffer.alloc(range.end - range.start)
  let filled = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (filled + chunk.length > bytes.length) {
      throw differs(range, range.end, 'the answer is longer than asked')
    }
    filled += chunk.copy(bytes, filled)
    onBytes(chunk.length)
  }
  if (filled < bytes.length) throw differs(range, range.start + filled, 'the answer ends early')
  return bytes
}

async function readFully(source: FileHandle, range: Range): Promise<Buffer> {
  const bytes = Buffer.alloc(range.end - range.start)
  for (let filled = 0; filled < bytes.length; ) {
    const left = bytes.length - filled
    const { bytesRead } = await source.read(bytes, filled, left, range.start + filled)
    if (bytesRead === 0) throw differs(range, range.start + filled, 'the file became shorter')
    filled += bytesRead
  }
  return bytes
}
