import { answerGroup } from './answer-scenarios.ts'
import { crowdGroup } from './crowd-scenarios.ts'
import { diskGroup } from './disk-scenarios.ts'
import { failedOver } from './failover-scenario.ts'
import { glacierGroup } from './glacier-scenarios.ts'
import { idleGroup } from './idle-scenarios.ts'
import { journalDiskFull } from './journal-disk-scenario.ts'
import { outageGroup } from './outage-scenarios.ts'
import { powerCuts } from './power-cut-scenarios.ts'
import { deadlyGroup, diskFull, pressureGroup } from './pressure-scenarios.ts'
import { processGroup } from './process-scenarios.ts'
import { redisGroup } from './redis-scenarios.ts'
import { refusalGroup } from './refusal-scenarios.ts'
import { rollbackScenarios } from './rollback-scenarios.ts'
import type { Scenario } from './scenario.ts'
import { shutdownGroup } from './shutdown-scenarios.ts'
import { slowGroup } from './slow-scenarios.ts'
import { sourceGroup } from './source-scenarios.ts'
import { thousandGroup } from './thousand-scenario.ts'

/** What a scenario needs only when it is run. */
function unopened(): never {
  throw new Error('Only what scenarios say is wanted here')
}

/** What docs/reliability.md promises, in its order. */
export const allScenarios: readonly Scenario[] = [
  ...processGroup.scenarios,
  ...shutdownGroup.scenarios,
  ...redisGroup.scenarios,
  ...outageGroup.scenarios,
  ...rollbackScenarios,
  ...powerCuts(unopened),
  failedOver(unopened),
  ...glacierGroup.scenarios,
  ...refusalGroup.scenarios,
  ...slowGroup.scenarios,
  ...answerGroup.scenarios,
  ...idleGroup.scenarios,
  ...sourceGroup.scenarios,
  ...diskGroup.scenarios,
  ...pressureGroup.scenarios,
  ...deadlyGroup.scenarios,
  diskFull(''),
  journalDiskFull(''),
  ...crowdGroup.scenarios,
  ...thousandGroup.scenarios,
]
