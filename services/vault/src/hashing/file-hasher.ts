import { createHash, type Hash } from 'node:crypto'
import { createTreeHashFold, MIB } from '@firn/core'

/** Small enough that the second pass finds the bytes of the first in the core's own cache. */
const SLICE_BYTES = 128 * 1024

export interface FileHashes {
  readonly sha256: string
  readonly treeHash: string
  /** The leaves of the tree hash, 32 bytes each, in order. */
  readonly leaves: Buffer
}

/** Both hashes of a sequence of bytes, as they come. */
export interface FileHasher {
  readonly update: (bytes: Uint8Array) => void
  readonly finish: () => FileHashes
}

export function createFileHasher(): FileHasher {
  const linear = createHash('sha256')
  const leaves: Buffer[] = []
  // The first leaf is a prefix of the linear hash, so it needs no pass of its own: a body of one
  // MiB is hashed once.
  let leaf: Hash | undefined
  let leafBytes = 0

  const closeLeaf = (): void => {
    leaves.push(leaf === undefined ? linear.copy().digest() : leaf.digest())
    leaf = createHash('sha256')
    leafBytes = 0
  }

  return {
    update(bytes) {
      for (let start = 0; start < bytes.length; ) {
        const end = Math.min(start + SLICE_BYTES, start + MIB - leafBytes, bytes.length)
        const slice = bytes.subarray(start, end)
        linear.update(slice)
        leaf?.update(slice)
        leafBytes += slice.length
        start = end
        if (leafBytes === MIB) closeLeaf()
      }
    },
    finish() {
      if (leafBytes > 0 || leaves.length === 0) closeLeaf()
      const fold = createTreeHashFold()
      for (const digest of leaves) fold.push(digest)
      return {
        sha256: linear.digest('hex'),
        treeHash: fold.root().toString('hex'),
        leaves: Buffer.concat(leaves),
      }
    },
  }
}
