import { outageGroup } from './outage-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(outageGroup)
