import { runGroup } from './run-group.ts'
import { slowGroup } from './slow-scenarios.ts'

runGroup(slowGroup)
