import { hash } from 'node:crypto'

const LEAF_BYTES = 1024 * 1024

/**
 * Glacier's SHA-256 tree hash, from its definition in the developer guide and without a look at
 * Firn's own: leaves of 1 MiB, pairs hashed level by level, an odd one carried up.
 */
export function treeHashOf(bytes: Uint8Array): string {
  const leaves: Buffer[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += LEAF_BYTES) {
    leaves.push(hash('sha256', bytes.subarray(at, at + LEAF_BYTES), 'buffer'))
  }
  return treeHashOfLeaves(leaves)
}

/** From the SHA-256 of each MiB, for what does not fit into memory. */
export function treeHashOfLeaves(leaves: readonly Buffer[]): string {
  return rootOf(leaves).toString('hex')
}

function rootOf(level: readonly Buffer[]): Buffer {
  const [left, right] = level
  if (left === undefined) throw new Error('A tree hash has at least one leaf')
  if (right === undefined) return left
  const above: Buffer[] = []
  for (let at = 0; at < level.length; at += 2) {
    const pair = level.slice(at, at + 2)
    const [only] = pair
    above.push(pair.length === 1 && only ? only : hash('sha256', Buffer.concat(pair), 'buffer'))
  }
  return rootOf(above)
}
