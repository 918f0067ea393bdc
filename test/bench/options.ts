import { parseArgs } from 'node:util'
import { PART_COUNT_MAX } from '@firn/core'

export const sectionNames = ['sink', 'vault', 'parts', 'scaling', 'posts', 'memory'] as const

export type SectionName = (typeof sectionNames)[number]

export interface BenchOptions {
  readonly isQuick: boolean
  readonly only: readonly SectionName[]
  readonly manyParts: number
  readonly savesBaseline: boolean
  /** Where the services leave their CPU profiles, or null. */
  readonly cpuProfileDir: string | null
}

export const USAGE = `usage: npm run bench [-- options]

Measures Firn against its speed goals. Every figure is a ratio within this run, or stands beside
one; see docs/benchmarks.md.

  --quick              a minute instead of four: smaller files, fewer repeats
  --only=NAME,…        some sections alone: ${sectionNames.join(', ')}
  --parts=COUNT        parts of the archive with many parts, up to ${PART_COUNT_MAX} (default 2000)
  --save-baseline      keeps the result as test/bench/baseline.json
  --cpu-prof=DIR       every service leaves a CPU profile there (costs some speed)
`

/** Throws a TypeError that says what is wrong. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: sectionNames.join(',') },
      parts: { type: 'string' },
      'save-baseline': { type: 'boolean', default: false },
      'cpu-prof': { type: 'string' },
    },
  })
  const only = values.only.split(',')
  const unknown = only.filter((name) => !sectionNames.some((known) => known === name))
  if (unknown.length > 0) {
    throw new TypeError(`Unknown section "${unknown[0]}"; there are ${sectionNames.join(', ')}`)
  }
  const manyParts = Number(values.parts ?? (values.quick ? 500 : 2000))
  if (!Number.isInteger(manyParts) || manyParts < 1 || manyParts > PART_COUNT_MAX) {
    throw new TypeError(`--parts=${values.parts} is not a whole number from 1 to ${PART_COUNT_MAX}`)
  }
  return {
    isQuick: values.quick,
    only: sectionNames.filter((name) => only.includes(name)),
    manyParts,
    savesBaseline: values['save-baseline'],
    cpuProfileDir: values['cpu-prof'] ?? null,
  }
}
