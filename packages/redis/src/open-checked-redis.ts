import { checkRedis } from './check-redis.ts'
import { type OpenRedisOptions, openRedis, type RedisConnection } from './open-redis.ts'

/**
 * Connects to a Redis that jobs may be entrusted to. Rejects as {@link openRedis} does, and when
 * it is set up so that it cannot be used; tells `onWarning` of what may cost jobs all the same.
 */
export async function openCheckedRedis(
  { onWarning, ...options }: OpenRedisOptions & { readonly onWarning: (warning: string) => void },
  signal: AbortSignal,
): Promise<RedisConnection> {
  await using resources = new AsyncDisposableStack()
  const redis = resources.use(await openRedis(options, signal))
  for (const warning of await checkRedis(redis, signal)) onWarning(warning)
  resources.move()
  return redis
}
