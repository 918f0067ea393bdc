import { createCipheriv, createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { MIB } from '@firn/core'

/**
 * Writes `sizeBytes` of pseudo-random bytes, which nothing can compress or deduplicate; the same
 * seed gives the same bytes. Memory does not grow with the size.
 */
export async function writeInputFile(
  input: { readonly file: string; readonly sizeBytes: number; readonly seed: string },
  signal: AbortSignal,
): Promise<void> {
  const bytes = pseudoRandomBytes(input.sizeBytes, input.seed)
  await pipeline(bytes, createWriteStream(input.file), { signal })
}

function* pseudoRandomBytes(sizeBytes: number, seed: string): Generator<Buffer> {
  // The key stream of AES in counter mode: as random as it gets, at some GB/s.
  const key = createHash('sha256').update(seed).digest()
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  const zeros = Buffer.alloc(MIB)
  for (let left = sizeBytes; left > 0; left -= MIB) {
    yield stream.update(zeros.subarray(0, Math.min(left, MIB)))
  }
}
