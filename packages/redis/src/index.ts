export { checkRedis } from './check-redis.ts'
export { createLease, type Lease } from './lease.ts'
export { openCheckedRedis } from './open-checked-redis.ts'
export {
  type OpenRedisOptions,
  openRedis,
  type RedisClient,
  type RedisConnection,
} from './open-redis.ts'
export { type RedisHealth, readHealth } from './read-health.ts'
export { fill, type RedisMemory, readMemory } from './read-memory.ts'
