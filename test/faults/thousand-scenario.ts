import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job } from './api-user.ts'
import { makeLargeSource } from './large-source.ts'
import { readRedisFacts } from './redis-facts.ts'
import { settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene, type SourceFile } from './scene.ts'

/** FAULT_FULL=1 asks for what is promised, which takes minutes and 11 GiB of disk. */
const isFull = process.env.FAULT_FULL === '1'
const JOBS = isFull ? 1_000 : 250
const PARTS = isFull ? 10_000 : 1_500
const SOURCES = 10
const CLIENTS = 20
const WORKER_MEMORY_BYTES = 64 * MIB
/** What a worker may take besides its part buffers, on top of what it has when it is idle. */
const WORKER_GROWTH_MAX_BYTES = 64 * MIB
const REDIS_MAX_BYTES = 48 * MIB

const thousandJobs: Scenario = {
  id: 'thousand-jobs',
  fault: '1,000 small jobs are posted at once while one of 10,000 parts is uploading',
  outcome: 'all are archived; the small ones pass the large one; memory stays within its bounds',
  async run(scene) {
    const path = join(scene.world.filesDirectory, `${scene.vault}-large.bin`)
    const large = { path, versions: [await makeLargeSource(path, PARTS)] }
    const sources: SourceFile[] = []
    for (let index = 0; index < SOURCES; index += 1) {
      sources.push(await scene.makeSource(1 + scene.dice.below(MIB)))
    }
    const idle = await Promise.all(workerPids(scene).map(peakRssBytes))
    const beganAtMs = Date.now()
    const id = await scene.submit(large)
    await scene.untilJob(id, ({ parts }) => parts.uploaded > 0, 'the large one is under way')
    scene.fault(`${JOBS} jobs at once`)
    await postAll(scene, sources)
    const postedMs = Date.now() - beganAtMs
    await untilStill(scene, id)
    const jobs = await settleArchived(scene)
    assert.equal(jobs.length, JOBS + 1)
    await assertFair(scene, jobs, id)
    const redis = await readRedisFacts(scene.world.redis.port)
    const peaks = await Promise.all(workerPids(scene).map(peakRssBytes))
    const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`
    const figures =
      `${JOBS} jobs beside ${PARTS} parts: posted in ${postedMs} ms, all archived in ` +
      `${Date.now() - beganAtMs} ms; Redis ${mib(redis.peakBytes)}, ` +
      `workers ${peaks.map(mib).join(', ')}, of which idle ${idle.map(mib).join(', ')}`
    scene.tell(figures)
    assert.ok(redis.peakBytes <= REDIS_MAX_BYTES, `Redis used ${mib(redis.peakBytes)}`)
    for (const [index, peak] of peaks.entries()) {
      const grown = peak - (idle[index] ?? 0)
      const isBounded = grown <= WORKER_MEMORY_BYTES + WORKER_GROWTH_MAX_BYTES
      assert.ok(isBounded, `a worker grew by ${mib(grown)}: ${figures}`)
    }
  },
}

async function postAll(scene: Scene, sources: readonly SourceFile[]): Promise<void> {
  let count = 0
  const client = async (): Promise<void> => {
    while (count < JOBS) {
      const source = sources[count % sources.length]
      count += 1
      if (source !== undefined) await scene.submit(source)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

/** Waits for as long as the job makes progress. */
async function untilStill(scene: Scene, id: string): Promise<void> {
  let before = -1
  for (;;) {
    const { parts } = await scene.untilJob(
      id,
      ({ state, parts: { uploaded } }) => state === 'archived' || uploaded > before,
      'the large one goes on',
    )
    if (parts.uploaded === parts.total) return
    before = parts.uploaded
    await sleep(1000)
  }
}

/** Of the large job's parts most must have been left when the last small one was done. */
async function assertFair(scene: Scene, jobs: readonly Job[], largeId: string): Promise<void> {
  const endMs = ({ finishedAt }: Job): number => Date.parse(finishedAt ?? '')
  const lastMs = Math.max(...jobs.filter(({ id }) => id !== largeId).map(endMs))
  const large = jobs.find(({ id }) => id === largeId)
  const before = scene
    .records()
    .filter(({ uploadId, operation }) => uploadId === large?.uploadId && operation === 'UploadPart')
    .filter(({ atMs }) => atMs <= lastMs)
  scene.tell(`${before.length} of ${PARTS} parts were uploaded when the last small job ended`)
  assert.ok(before.length < 0.8 * PARTS, `${before.length} of ${PARTS} parts came first`)
}

function workerPids({ world }: Scene): readonly number[] {
  return world.stack.processes().flatMap(({ kind, pid }) => (kind === 'worker' ? [pid] : []))
}

/** Since the process began; 0 where the kernel does not say. */
async function peakRssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
}

/** Paces as in production: a thousand jobs are not to be looked through twice a second. */
export const thousandGroup: ScenarioGroup = {
  name: 'a thousand jobs beside ten thousand parts',
  world: {
    env: {
      ...{ SWEEP_INTERVAL_MS: '5000', RECOVER_INTERVAL_MS: '600000', ORPHAN_INTERVAL_MS: '300000' },
      ...{ LOCK_DURATION_MS: '15000', STALLED_INTERVAL_MS: '5000', VAULT_PAGE_MAX: '1000' },
      WORKER_MEMORY_BYTES: String(WORKER_MEMORY_BYTES),
    },
  },
  scenarios: [thousandJobs],
}
