import { foldTreeHash } from '@firn/core'
import type { StoredPart } from './part-file.ts'

/** What a client says the whole archive is. */
export interface ArchiveClaim {
  readonly sizeBytes: number
  /** Lower-case hex. */
  readonly treeHash: string
}

export type Assembly =
  | { readonly kind: 'sound'; readonly parts: readonly StoredPart[] }
  | { readonly kind: 'empty' }
  /** The first bytes that no part holds, both ends included. */
  | { readonly kind: 'gap'; readonly first: number; readonly last: number }
  | { readonly kind: 'wrong-size'; readonly sizeBytes: number }
  | { readonly kind: 'wrong-hash'; readonly treeHash: string }

/**
 * Judges whether parts make the claimed archive, from their sizes and hashes alone: parts of one
 * power-of-two size sit on the archive's own tree-hash boundaries.
 */
export function assembleParts(
  stored: readonly (StoredPart | undefined)[],
  partSizeBytes: number,
  claim: ArchiveClaim,
): Assembly {
  if (stored.length === 0) return { kind: 'empty' }
  const parts: StoredPart[] = []
  for (let index = 0; index < stored.length; index += 1) {
    const part = stored[index]
    const isLast = index === stored.length - 1
    const sizeBytes = part?.sizeBytes ?? 0
    if (part === undefined || (!isLast && sizeBytes < partSizeBytes)) {
      const first = index * partSizeBytes + sizeBytes
      return { kind: 'gap', first, last: (index + 1) * partSizeBytes - 1 }
    }
    parts.push(part)
  }
  const sizeBytes = (parts.length - 1) * partSizeBytes + (parts.at(-1)?.sizeBytes ?? 0)
  if (sizeBytes !== claim.sizeBytes) return { kind: 'wrong-size', sizeBytes }
  const treeHash = foldTreeHash(hashesOf(parts)).toString('hex')
  return treeHash === claim.treeHash ? { kind: 'sound', parts } : { kind: 'wrong-hash', treeHash }
}

function* hashesOf(parts: readonly StoredPart[]): Iterable<Uint8Array> {
  for (const part of parts) yield Buffer.from(part.treeHash, 'hex')
}
