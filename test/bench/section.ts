import type { UnitCost } from './unit-cost.ts'

/** One line of the report. */
export interface Row {
  /** Stable: baselines are compared by it. */
  readonly id: string
  readonly what: string
  readonly value: number
  readonly unit: string
  /** Null for what only explains another row. */
  readonly goal: { readonly is: 'at most' | 'at least'; readonly value: number } | null
  /** What the value is made of. */
  readonly detail: string
}

export interface BenchContext {
  readonly isQuick: boolean
  /** Parts of the archive with many parts. */
  readonly manyParts: number
  /** A directory that is deleted after the run. */
  readonly scratch: string
  /** What whole runs archive: pseudo-random, in the page cache, so that no disk is measured. */
  readonly input: { readonly file: string; readonly sizeBytes: number }
  /** Where the services leave their CPU profiles, or null. */
  readonly cpuProfileDir: string | null
  readonly unit: UnitCost
  /** What the person who waits may like to know. */
  readonly note: (text: string) => void
}

/**
 * Measures one thing; rejects when it cannot.
 *
 * @param deadline aborts when the section has had its share of the time: repeats stop then, and
 *   what was measured by then counts.
 */
export type Section = (
  context: BenchContext,
  deadline: AbortSignal,
  signal: AbortSignal,
) => Promise<readonly Row[]>

export function isGoalMet({ goal, value }: Row): boolean | null {
  if (goal === null) return null
  return goal.is === 'at most' ? value <= goal.value : value >= goal.value
}
