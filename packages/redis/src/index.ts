export { checkRedis } from './check-redis.ts'
export {
  type OpenRedisOptions,
  openRedis,
  type RedisClient,
  type RedisConnection,
} from './open-redis.ts'
