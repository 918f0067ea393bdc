import { open, readFile } from 'node:fs/promises'
import { invariant } from '@firn/core'
import { z } from 'zod'
import { parsePartFileName, partFileName, type StoredPart } from './part-file.ts'

/**
 * What makes an upload an archive: the first line of the file says what it is, each line after it
 * names the file of a part, in order. The data stays where the parts were stored.
 */
export const ArchiveHeader = z.strictObject({
  archiveId: z.string(),
  /** Null when the archive was uploaded in one piece. */
  uploadId: z.string().nullable(),
  description: z.string().nullable(),
  createdAtMs: z.number().int(),
  sizeBytes: z.number().int().min(1),
  treeHash: z.string(),
  partSizeBytes: z.number().int(),
})

export type ArchiveHeader = Readonly<z.infer<typeof ArchiveHeader>>

/** Longer than any header: a description of 1,024 bytes, each escaped, and 2 KiB of the rest. */
const HEADER_MAX_BYTES = 8 * 1024

export function archiveRecord(header: ArchiveHeader, parts: readonly StoredPart[]): string {
  return `${[JSON.stringify(header), ...parts.map(partFileName)].join('\n')}\n`
}

/** Reads only the first line, so that a start does not read the lists of all archives. */
export async function readArchiveHeader(path: string): Promise<ArchiveHeader | undefined> {
  try {
    await using file = await open(path, 'r')
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_MAX_BYTES), 0)
    const text = buffer.toString('utf8', 0, bytesRead)
    return ArchiveHeader.parse(JSON.parse(text.slice(0, text.indexOf('\n'))))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new Error(`Cannot read the archive record "${path}"`, { cause: error })
  }
}

export async function readArchiveParts(path: string): Promise<readonly StoredPart[]> {
  const [, ...names] = (await readFile(path, 'utf8')).trimEnd().split('\n')
  return names.map((name) => {
    const part = parsePartFileName(name)
    invariant(part, `"${path}" names "${name}"`)
    return part
  })
}
