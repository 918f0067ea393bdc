import type { ScalingRule } from './autoscalers.ts'

/** Within this share of the target Kubernetes changes nothing. */
const TOLERANCE = 0.1
/** Unless told otherwise it may double, or add four, every 15 s. */
const SCALE_UP = { factor: 2, podCount: 4, periodSeconds: 15 }

/** What an external metric with an average value asks for, before limits of speed. */
export function recommend(rule: ScalingRule, metric: number, current: number): number {
  const ratio = metric / (rule.target * Math.max(1, current))
  const wanted = Math.abs(ratio - 1) <= TOLERANCE ? current : Math.ceil(metric / rule.target)
  return Math.min(rule.maxReplicas, Math.max(rule.minReplicas, wanted))
}

/**
 * How many replicas a HorizontalPodAutoscaler would have after each metric: it follows the largest
 * recommendation of the stabilization window on the way down, and no faster than the policies.
 *
 * @param speed how much faster than real its time goes, so that a test need not wait for its window.
 */
export function simulateHpa(
  rule: ScalingRule,
  metrics: readonly (readonly [atSeconds: number, metric: number])[],
  speed: number,
): readonly number[] {
  const recommended: { atSeconds: number; replicas: number }[] = []
  const changes: { atSeconds: number; by: number }[] = []
  let current = rule.minReplicas
  return metrics.map(([realSeconds, metric]) => {
    const atSeconds = realSeconds * speed
    const isWithin = (seconds: number) => (one: { readonly atSeconds: number }) =>
      one.atSeconds > atSeconds - seconds
    /** How many there were when the period began. */
    const startOf = (periodSeconds: number): number =>
      changes.filter(isWithin(periodSeconds)).reduce((sum, { by }) => sum - by, current)
    const latest = recommend(rule, metric, current)
    recommended.push({ atSeconds, replicas: latest })
    const { stabilizationSeconds, periodSeconds, podCount } = rule.scaleDown
    const recent = recommended.filter(isWithin(stabilizationSeconds))
    const stable = Math.max(...recent.map(({ replicas }) => replicas))
    const before = current
    if (latest > current) {
      const start = startOf(SCALE_UP.periodSeconds)
      const limit = Math.max(start * SCALE_UP.factor, start + SCALE_UP.podCount)
      current = Math.max(current, Math.min(latest, limit))
    } else if (stable < current) {
      current = Math.min(current, Math.max(stable, startOf(periodSeconds) - podCount))
    }
    if (current !== before) changes.push({ atSeconds, by: current - before })
    return current
  })
}
