import { cp, readdir, rename, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { RedisServer } from '@firn/testing'

/** What redis-server calls the directory of its append-only file. */
const AOF_DIRECTORY = 'appendonlydir'

/** Copies what Redis has on its disk at one instant; `roll` brings it back as it was then. */
export async function copyRedis(redis: RedisServer) {
  const live = join(redis.dir, AOF_DIRECTORY)
  const copy = join(redis.dir, 'copy')
  await rm(copy, { recursive: true, force: true })
  await redis.kill('SIGSTOP')
  await cp(live, copy, { recursive: true })
  await redis.kill('SIGCONT')
  return {
    async rollBack(): Promise<void> {
      await redis.kill('SIGKILL')
      await rm(live, { recursive: true })
      await rename(copy, live)
      await redis.restart()
    },
  }
}

/** Cuts up to `bytes` off the end of the append-only file of a Redis that is dead. */
export async function tearAof({ dir }: RedisServer, bytes: number): Promise<number> {
  const names = await readdir(join(dir, AOF_DIRECTORY))
  const name = names.filter((one) => one.endsWith('.incr.aof')).at(-1)
  if (name === undefined) throw new Error(`Redis has no append-only file in ${dir}`)
  const path = join(dir, AOF_DIRECTORY, name)
  const { size } = await stat(path)
  const torn = Math.min(size, bytes)
  await truncate(path, size - torn)
  return torn
}
