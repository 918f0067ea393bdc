import { createHash, hash } from 'node:crypto'
import { MIB } from '@firn/core'
import type { Row } from './section.ts'
import { medianOf } from './stats.ts'

/** The work that cannot be avoided: both SHA-256 passes over every byte, and nothing else. */
export interface UnitCost {
  /** Measures once more, and returns this measurement in CPU seconds per GiB. */
  readonly measure: () => number
  readonly hasSamples: () => boolean
  /** The median so far; there must be one. */
  readonly row: () => Row
}

const SAMPLE_BLOCKS = 256

/**
 * CPU time, not the clock's, and measured again beside each run: the machine's other load then
 * slows both sides of a ratio alike.
 */
export function createUnitCost(): UnitCost {
  const block = Buffer.alloc(MIB, 7)
  const samples: number[] = []
  return {
    measure() {
      const before = process.threadCpuUsage()
      const linear = createHash('sha256')
      for (let count = 0; count < SAMPLE_BLOCKS; count += 1) {
        linear.update(block)
        hash('sha256', block, 'buffer')
      }
      linear.digest()
      const { user, system } = process.threadCpuUsage(before)
      const secondsPerGib = ((user + system) / 1e6) * (1024 / SAMPLE_BLOCKS)
      samples.push(secondsPerGib)
      return secondsPerGib
    },
    hasSamples: () => samples.length > 0,
    row: () => ({
      id: 'unit',
      what: 'unit: two SHA-256 passes, block in cache',
      value: medianOf(samples),
      unit: 'CPU s/GiB',
      goal: null,
      detail: `${samples.length} times, ${Math.min(...samples).toFixed(2)} to ${Math.max(...samples).toFixed(2)}`,
    }),
  }
}
