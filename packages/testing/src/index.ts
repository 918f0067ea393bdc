export { type RedisServer, type StartRedisOptions, startRedis } from './start-redis.ts'
export { until } from './until.ts'
