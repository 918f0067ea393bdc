import { invariant } from '@firn/core'

/** The value below which the share `quantile` (0 to 1) of `values` lies. Requires one at least. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))]
  invariant(value !== undefined, 'a quantile of nothing')
  return value
}

/** Of an even count the mean of the middle two. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  invariant(low !== undefined && high !== undefined, 'a median of nothing')
  return (low + high) / 2
}
