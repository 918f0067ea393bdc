import { runGroup } from './run-group.ts'
import { sourceGroup } from './source-scenarios.ts'

runGroup(sourceGroup)
