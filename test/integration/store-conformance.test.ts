import { after, before } from 'node:test'
import { openRedis, type RedisConnection } from '@firn/redis'
import { createMemoryJobStore, createRedisJobStore } from '@firn/store'
import { describeJobStore, type RedisServer, startRedis } from '@firn/testing'

const never = new AbortController().signal
let server: RedisServer
let connection: RedisConnection

before(async () => {
  server = await startRedis()
  connection = await openRedis({ url: server.url, role: 'producer' }, never)
})
after(async () => {
  await connection[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

describeJobStore('memory', async () => createMemoryJobStore())

describeJobStore('Redis', async () => {
  await connection.client.flushall()
  return createRedisJobStore({ redis: connection.client })
})
