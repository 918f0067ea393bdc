import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { AppError, type SourcePin } from '@firn/core'
import { openError } from './source-errors.ts'

/** The version of an open file. Reading it does not touch the file's contents. */
export async function pinOf(path: string, handle: FileHandle): Promise<SourcePin> {
  let seen: BigIntStats
  try {
    seen = await handle.stat({ bigint: true })
  } catch (error) {
    throw openError(path, error)
  }
  return {
    sizeBytes: Number(seen.size),
    device: String(seen.dev),
    inode: String(seen.ino),
    mtimeNs: String(seen.mtimeNs),
    ctimeNs: String(seen.ctimeNs),
  }
}

/**
 * Compares two versions of a file. The change time catches what restores the modification time.
 * The device does not count: the number that a network file system gets differs from one machine
 * to the next, and the workers of one job run on several.
 *
 * @throws AppError SOURCE_CHANGED that names the first difference.
 */
export function requireSamePin(path: string, pinned: SourcePin, found: SourcePin): void {
  for (const property of ['sizeBytes', 'inode', 'mtimeNs', 'ctimeNs'] as const) {
    if (pinned[property] === found[property]) continue
    throw new AppError(
      'SOURCE_CHANGED',
      `${JSON.stringify(path)} changed since the job was opened: ` +
        `${property} is ${found[property]}, was ${pinned[property]}`,
    )
  }
}
