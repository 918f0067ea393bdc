import { hash } from 'node:crypto'
import { invariant } from './invariant.ts'
import { MIB } from './limits.ts'

interface Node {
  readonly digest: Uint8Array
  readonly height: number
}

function parent(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([left, right]), 'buffer')
}

/** Collects the nodes of one level, left to right, and folds them into their common root. */
export interface TreeHashFold {
  readonly push: (digest: Uint8Array) => void
  /** The root, 32 bytes. The fold stays usable. Requires at least one node. */
  readonly root: () => Buffer
}

/**
 * Folds equal-height nodes into a SHA-256 tree hash in O(log n) memory.
 *
 * Like a binary counter: heights on the stack strictly fall from bottom to top, and two equal ones
 * merge at once. The odd node at the end of a level is promoted unchanged, which is what folding
 * the stack from the top does.
 */
export function createTreeHashFold(): TreeHashFold {
  const stack: Node[] = []
  return {
    push(digest) {
      invariant(digest.length === 32, `a node of ${digest.length} bytes`)
      let node: Node = { digest, height: 0 }
      for (let top = stack.at(-1); top?.height === node.height; top = stack.at(-1)) {
        stack.pop()
        node = { digest: parent(top.digest, node.digest), height: node.height + 1 }
      }
      stack.push(node)
    },
    root() {
      const digests = stack.map((node) => node.digest)
      const last = digests.pop()
      invariant(last, 'a tree hash needs at least one node')
      return Buffer.from(digests.reduceRight((right, left) => parent(left, right), last))
    },
  }
}

/**
 * The root over `nodes` of equal height, in order: leaves of 1 MiB, or the tree hashes of parts
 * of one power-of-two size, of which only the last may be shorter.
 */
export function foldTreeHash(nodes: Iterable<Uint8Array>): Buffer {
  const fold = createTreeHashFold()
  for (const node of nodes) fold.push(node)
  return fold.root()
}

/** The SHA-256 tree hash of `data` in memory, 32 bytes. Empty data has the hash of nothing. */
export function treeHash(data: Uint8Array): Buffer {
  const fold = createTreeHashFold()
  let start = 0
  do {
    fold.push(hash('sha256', data.subarray(start, start + MIB), 'buffer'))
    start += MIB
  } while (start < data.length)
  return fold.root()
}
