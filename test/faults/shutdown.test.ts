import { runGroup } from './run-group.ts'
import { shutdownGroup } from './shutdown-scenarios.ts'

runGroup(shutdownGroup)
