import { crowdGroup } from './crowd-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(crowdGroup)
