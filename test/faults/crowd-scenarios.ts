import assert from 'node:assert/strict'
import type { PostRecord } from './api-user.ts'
import { readRedisFacts } from './redis-facts.ts'
import { settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene, type SourceFile } from './scene.ts'

const CLIENTS = 20
const STATUS_UNAVAILABLE = 503
const ROOM_BYTES = 3 * MIB
const WORKERS = ['worker-1', 'worker-2'] as const

interface Post {
  readonly key: string
  readonly outcome: PostRecord['outcome']
}

/** Posts jobs for one file from many clients at once, until `isEnough`. */
async function postMany(
  scene: Scene,
  source: SourceFile,
  isEnough: (posts: readonly Post[]) => boolean,
): Promise<readonly Post[]> {
  const posts: Post[] = []
  let count = 0
  const client = async (): Promise<void> => {
    while (!isEnough(posts)) {
      const key = `${scene.vault} crowd ${count}`
      count += 1
      posts.push({ key, outcome: await post(scene, source, key) })
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return posts
}

async function post(scene: Scene, source: SourceFile, key: string): Promise<PostRecord['outcome']> {
  const { vault, user } = scene
  scene.bind(key, source)
  return await user.post({ vault, source: { type: 'file', path: source.path }, partSize: MIB }, key)
}

const nearlyFull: Scenario = {
  id: 'redis-nearly-full',
  fault: 'so many jobs are posted, while no worker takes any, that Redis would fill up',
  outcome: 'refused in time, with 503 and Retry-After; all that were accepted end; then room again',
  async run(scene) {
    const { world } = scene
    const source = await scene.makeSource(2 * MIB + 1)
    const { usedBytes } = await readRedisFacts(world.redis.port)
    // For some hundred jobs; so much that what connections take is little beside it.
    const maxBytes = usedBytes + ROOM_BYTES
    await world.tellRedis('CONFIG', 'SET', 'maxmemory', String(maxBytes))
    for (const name of WORKERS) world.signal(name, 'SIGSTOP')
    scene.fault(`Redis may use ${maxBytes} bytes; the workers stop`)
    const isRefused = ({ outcome }: Post): boolean => outcome.type === 'refused'
    const posts = await postMany(scene, source, (all) => all.some(isRefused))
    for (const { outcome } of posts.filter(isRefused)) {
      assert.ok(outcome.type === 'refused')
      assert.equal(outcome.status, STATUS_UNAVAILABLE)
      assert.ok(outcome.isRetryable, 'no Retry-After')
    }
    for (const name of WORKERS) world.signal(name, 'SIGCONT')
    await settleArchived(scene)
    const { refusedCount, peakBytes } = await readRedisFacts(world.redis.port)
    scene.tell(
      `${posts.length} posted, Redis ${Math.round((100 * peakBytes) / maxBytes)} % full at most`,
    )
    assert.equal(refusedCount, 0, 'Redis refused what was asked of it')
    assert.ok(peakBytes < maxBytes, `Redis used ${peakBytes} bytes`)

    await world.tellRedis('CONFIG', 'SET', 'maxmemory', String(2 * maxBytes))
    for (const { key } of posts.filter(isRefused)) {
      const isAccepted = async () => (await post(scene, source, key)).type === 'accepted'
      await scene.until(isAccepted, 'there is room again')
    }
    await settleArchived(scene)
    await world.tellRedis('CONFIG', 'SET', 'maxmemory', '0')
  },
}

export const crowdGroup: ScenarioGroup = {
  name: 'more than there is room for',
  scenarios: [nearlyFull],
}
