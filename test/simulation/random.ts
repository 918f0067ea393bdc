/** A small seeded generator (mulberry32): the only entropy of a simulated run. */
export interface Random {
  /** Uniform in [0, 1). */
  readonly next: () => number
  /** Uniform in 0..count - 1; `count` at least 1. */
  readonly below: (count: number) => number
  readonly chance: (probability: number) => boolean
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    below: (count) => Math.floor(next() * count),
    chance: (probability) => next() < probability,
  }
}
