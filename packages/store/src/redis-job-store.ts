import { randomBytes } from 'node:crypto'
import { type Job, jobStates } from '@firn/core'
import type { Cluster, Redis } from 'ioredis'
import type { JobStore, Liveness } from './job-store.ts'
import { jobKey, partKeys } from './keys.ts'
import { createRedisIndex, indexJob, loadJob } from './redis-index.ts'
import { createRedisMark } from './redis-mark.ts'
import { createRedisParts } from './redis-parts.ts'
import { createScript } from './scripts/create.ts'
import { saveScript } from './scripts/save.ts'
import { runScript } from './scripts/script.ts'
import { storeCall } from './store-call.ts'
import { partCountOf } from './stored-job.ts'

/**
 * Jobs in Redis: one hash a job, three strings a generation (a bit, 32 bytes and 4 bytes a part),
 * and an index over all jobs. A crash between a save and its index entry leaves a job that loads
 * right and is listed under the state it had, until `reindex` or the next list that meets it.
 */
export function createRedisJobStore({ redis }: { readonly redis: Redis | Cluster }): JobStore {
  return {
    ...createRedisIndex(redis),
    ...createRedisParts(redis),
    ...createRedisMark(redis),

    create: (job, signal) =>
      storeCall(`create job "${job.definition.id}"`, signal, async () => {
        const incarnation = randomBytes(6).toString('hex')
        const args = [...savedFields(job), incarnation]
        const isNew = await runScript(redis, createScript, [jobKey(job.definition.id)], args)
        if (isNew === 1) await indexJob(redis, { job, version: 1, incarnation })
        return isNew === 1
      }),

    load: (id, signal) => storeCall(`load job "${id}"`, signal, () => loadJob(redis, id)),

    save: (job, expectedVersion, signal) =>
      storeCall(`save job "${job.definition.id}"`, signal, async () => {
        const { id } = job.definition
        const { generation } = job.progress
        const present = Object.values(partKeys(id, generation))
        const before = Object.values(partKeys(id, generation - 1))
        const incarnation = await runScript(
          redis,
          saveScript,
          [jobKey(id), ...present, ...before],
          [expectedVersion, ...savedFields(job)],
        )
        if (typeof incarnation !== 'string') return false
        await indexJob(redis, { job, version: expectedVersion + 1, incarnation })
        return true
      }),

    liveness: (ids, signal) =>
      storeCall('look whether jobs live', signal, () =>
        Promise.all(
          ids.map(async (id) =>
            parseLiveness(await redis.hmget(jobKey(id), 'state', 'generation')),
          ),
        ),
      ),
  }
}

function savedFields(job: Job): [string, string, number, number] {
  const { state, generation } = job.progress
  return [JSON.stringify(job), state, generation, partCountOf(job)]
}

function parseLiveness([stateText, generation]: (string | null)[]): Liveness | undefined {
  const state = jobStates.find((known) => known === stateText)
  return state === undefined ? undefined : { state, generation: Number(generation) }
}
