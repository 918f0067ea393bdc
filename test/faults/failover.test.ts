import { after } from 'node:test'
import { failedOver } from './failover-scenario.ts'
import { runGroup } from './run-group.ts'
import { openSentinels } from './sentinels.ts'

const sentinels = await openSentinels()
runGroup({
  name: 'a Redis behind Sentinels',
  world: { redis: { server: sentinels.primary, url: sentinels.url } },
  scenarios: [failedOver(() => sentinels)],
})
after(() => sentinels[Symbol.asyncDispose]())
