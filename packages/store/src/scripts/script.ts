import { hash } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'

/** A Lua script. All its keys share a hash tag, so it runs on a cluster too. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

export function script(lua: string): Script {
  return { lua, sha: hash('sha1', lua) }
}

/**
 * Runs a script by its digest. A Redis that does not know it (restarted, failed over, SCRIPT
 * FLUSH) gets the whole text: NOSCRIPT means that nothing has run.
 */
export async function runScript(
  redis: Redis | Cluster,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...args)
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return await redis.eval(lua, keys.length, ...keys, ...args)
  }
}
