import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { LargeVersion } from './archive-checks.ts'
import { MIB } from './scene.ts'
import { treeHashOfLeaves } from './tree-hash.ts'

/**
 * A file of so many MiB that takes hardly any room on the disk: each MiB begins with a mark of its
 * own, so that no two are alike, and is empty otherwise.
 */
export async function makeLargeSource(path: string, sizeMib: number): Promise<LargeVersion> {
  const sizeBytes = sizeMib * MIB
  await using file = await open(path, 'wx')
  await file.truncate(sizeBytes)
  const block = Buffer.alloc(MIB)
  const leaves: Buffer[] = []
  for (let index = 0; index < sizeMib; index += 1) {
    block.write(markOf(path, index))
    await file.write(block, 0, markOf(path, index).length, index * MIB)
    leaves.push(hash('sha256', block, 'buffer'))
  }
  const samples = [0, sizeMib >> 1, sizeMib - 1].map((index) => ({
    start: index * MIB,
    bytes: sampleOf(path, index),
  }))
  return { sizeBytes, treeHash: treeHashOfLeaves(leaves), samples }
}

/** All of the same length. */
function markOf(path: string, index: number): string {
  return `${path} ${String(index).padStart(6, '0')}`
}

function sampleOf(path: string, index: number): Uint8Array {
  const block = Buffer.alloc(MIB)
  block.write(markOf(path, index))
  return block
}
