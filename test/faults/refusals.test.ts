import { refusalGroup } from './refusal-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(refusalGroup)
