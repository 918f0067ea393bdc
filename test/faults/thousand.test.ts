import { runGroup } from './run-group.ts'
import { thousandGroup } from './thousand-scenario.ts'

runGroup(thousandGroup)
