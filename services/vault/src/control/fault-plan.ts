import type { Operation } from '../http/routes.ts'
import type { FaultRule } from './fault.ts'

/** Decides which requests go wrong, and how. */
export interface FaultPlan {
  /** The rule for the next request of this kind, if any. Each call counts as a request. */
  readonly choose: (operation: Operation) => FaultRule | undefined
  readonly replace: (rules: readonly FaultRule[]) => void
  /** The rules and how often each was applied. */
  readonly state: () => readonly { readonly rule: FaultRule; readonly applied: number }[]
}

export function createFaultPlan(random: () => number = Math.random): FaultPlan {
  let entries: { readonly rule: FaultRule; matched: number; applied: number }[] = []
  return {
    choose(operation) {
      for (const entry of entries) {
        const { rule } = entry
        if (rule.operation !== '*' && rule.operation !== operation) continue
        if (rule.count !== undefined && entry.applied >= rule.count) continue
        entry.matched += 1
        if (entry.matched <= rule.skip || random() >= rule.probability) continue
        entry.applied += 1
        return rule
      }
      return undefined
    },
    replace(rules) {
      entries = rules.map((rule) => ({ rule, matched: 0, applied: 0 }))
    },
    state: () => entries.map(({ rule, applied }) => ({ rule, applied })),
  }
}
