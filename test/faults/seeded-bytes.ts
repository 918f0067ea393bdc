import { createCipheriv, hash } from 'node:crypto'

/**
 * The bytes of a file that is never stored beside its archive: an AES-CTR key stream, so that any
 * checker can make them again from the seed alone.
 */
export function seededBytes(seed: string, sizeBytes: number): Buffer {
  const key = hash('sha256', seed, 'buffer').subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
}

/** Uniform numbers from a seed, the only randomness of a run. */
export interface Dice {
  /** Uniform in [0, 1). */
  readonly next: () => number
  /** Uniform in 0..count - 1. */
  readonly below: (count: number) => number
  readonly pick: <T>(items: readonly T[]) => T
}

/** Counter-mode SHA-256: slow and simple, and of nobody else's making. */
export function createDice(seed: string): Dice {
  let count = 0
  const next = (): number => {
    count += 1
    return hash('sha256', `${seed} ${count}`, 'buffer').readUInt32BE(0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    pick(items) {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('Nothing to pick from')
      return item
    },
  }
}
