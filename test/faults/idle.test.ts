import { idleGroup } from './idle-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(idleGroup)
