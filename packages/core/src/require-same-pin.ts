import { AppError } from './errors.ts'
import type { SourcePin } from './job.ts'

/**
 * Compares two versions of a source. The change time catches what puts the modification time back.
 * The device does not count: the number that a network file system gets differs from one machine
 * to the next, and the workers of one job run on several.
 *
 * @throws AppError SOURCE_CHANGED that names the first difference.
 */
export function requireSamePin(pinned: SourcePin, found: SourcePin): void {
  for (const property of ['sizeBytes', 'inode', 'mtimeNs', 'ctimeNs'] as const) {
    if (pinned[property] === found[property]) continue
    throw new AppError(
      'SOURCE_CHANGED',
      `The source changed since the job was opened: ${property} is ${found[property]}, was ${pinned[property]}`,
    )
  }
}
