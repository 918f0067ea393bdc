import { rollbackScenarios } from './rollback-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup({ name: 'a Redis that is as it was', scenarios: rollbackScenarios })
