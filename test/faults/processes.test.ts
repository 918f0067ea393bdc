import { processGroup } from './process-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(processGroup)
