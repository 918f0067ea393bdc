import { answerGroup } from './answer-scenarios.ts'
import { glacierGroup } from './glacier-scenarios.ts'
import { diskFull, pressureGroup } from './pressure-scenarios.ts'
import { processGroup } from './process-scenarios.ts'
import { redisGroup } from './redis-scenarios.ts'
import type { Scenario } from './scenario.ts'
import { sourceGroup } from './source-scenarios.ts'

const groups = [processGroup, redisGroup, glacierGroup, answerGroup, sourceGroup, pressureGroup]

/** What docs/reliability.md promises, in its order. */
export const allScenarios: readonly Scenario[] = [
  ...groups.flatMap(({ scenarios }) => scenarios),
  diskFull(''),
]
