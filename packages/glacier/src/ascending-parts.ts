import { AppError } from '@firn/core'
import type { StoredPart } from './glacier.ts'

/**
 * Passes on parts that begin where the one before ended or later, and refuses any other order: who
 * merges two lists by position would otherwise take a part for missing.
 */
export async function* ascendingParts(
  parts: AsyncIterable<StoredPart>,
): AsyncGenerator<StoredPart, void, undefined> {
  let end = 0
  for await (const part of parts) {
    if (part.range.start < end) {
      throw new AppError(
        'GLACIER_UNAVAILABLE',
        `Cannot trust the list of parts: one that begins at ${part.range.start} follows one that ends at ${end}`,
      )
    }
    end = part.range.end
    yield part
  }
}
