import { glacierGroup } from './glacier-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(glacierGroup)
