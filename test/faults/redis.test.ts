import { redisGroup } from './redis-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(redisGroup)
