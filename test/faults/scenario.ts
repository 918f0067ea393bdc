import type { Scene } from './scene.ts'
import type { WorldOptions } from './world.ts'

/** One fault, what Firn promises for it, and how to see that it keeps the promise. */
export interface Scenario {
  readonly id: string
  readonly fault: string
  readonly outcome: string
  /** Why it cannot be run here, when it cannot. */
  readonly skip?: string
  /** Does the faults and asserts what is particular; the invariants are checked after each. */
  readonly run: (scene: Scene) => Promise<void>
}

/** Scenarios that one world after another can be shared by; each test file runs one group. */
export interface ScenarioGroup {
  readonly name: string
  readonly world?: WorldOptions
  readonly scenarios: readonly Scenario[]
}
