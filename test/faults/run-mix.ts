import { setTimeout as sleep } from 'node:timers/promises'
import type { GateRecord } from './glacier-gate.ts'
import { type MixTarget, mixFaults } from './mix-faults.ts'
import { MIB, openScene, type Scene } from './scene.ts'
import { openWorld } from './world.ts'

export interface MixReport {
  readonly jobs: number
  readonly archived: number
  readonly failed: number
  readonly cancelled: number
  readonly faults: number
  readonly kills: number
  readonly freezes: number
  readonly glacierFaults: number
  readonly partsNeeded: number
  readonly partsSent: number
  /** Of them those that Glacier had been sent before, for the same upload. */
  readonly partsRetried: number
  /** Requests that could have made another of what was there already. */
  readonly duplicatesPrevented: number
}

/** Jobs that are unfinished at once: faults are to meet work, not a backlog. */
const UNFINISHED_MAX = 8

/** So that a Glacier that says nothing costs seconds. */
const SHORT_DEADLINES = {
  GLACIER_REQUEST_TIMEOUT_MS: '3000',
  GLACIER_COMPLETE_TIMEOUT_MS: '6000',
}

/**
 * Posts jobs and does faults at random for `durationMs`, then heals everything and checks from
 * outside that each job came to one right end. Throws with the seed, the faults as executed and
 * the least witness otherwise.
 */
export async function runMix(options: {
  readonly seed: string
  readonly durationMs: number
}): Promise<MixReport> {
  const { seed, durationMs } = options
  await using world = await openWorld({ env: SHORT_DEADLINES })
  await using scene = await openScene(world, 'mix', seed)
  scene.forgiveRollback()
  const signal = AbortSignal.timeout(durationMs)
  const target: MixTarget = { scene, jobs: [], signal, isRedisBusy: false }
  await Promise.all([post(target), misbehave(target), misbehave(target)])
  await heal(scene)
  // A pause that was under way when the faults ended may come after the first resume.
  for (let round = 0; round < 2; round += 1) {
    for (const { id } of target.jobs) await scene.user.command(id, 'resume')
  }
  const stopped = new AbortController()
  const life = liveOn(scene, stopped.signal)
  const jobs = await scene.settle()
  stopped.abort()
  await life
  await scene.check()
  const count = (state: string): number => jobs.filter((job) => job.state === state).length
  const records = scene.records()
  return {
    jobs: jobs.length,
    archived: count('archived'),
    failed: count('failed'),
    cancelled: count('cancelled'),
    faults: scene.faultCount(),
    kills: scene.faultCount('SIGKILL'),
    freezes: scene.faultCount('SIGSTOP'),
    glacierFaults: records.filter(({ verdict }) => verdict !== 'pass').length,
    partsNeeded: jobs.reduce((sum, { parts }) => sum + (parts.total ?? 0), 0),
    partsSent: records.filter(({ operation }) => operation === 'UploadPart').length,
    partsRetried: repeated(records, 'UploadPart'),
    duplicatesPrevented: duplicatesPrevented(scene, jobs.length),
  }
}

/** Requests for an upload, or a range of one, that was named in one before. */
function repeated(records: readonly GateRecord[], operation: string): number {
  const named = records.filter((record) => record.operation === operation)
  const names = named.map(({ uploadId, range }) => `${uploadId} ${range?.first}`)
  return names.length - new Set(names).size
}

/**
 * Posts that had to be repeated because their answer was lost; Completes for an upload that was an
 * archive by then; uploads that were opened beside a job's own, and never became one.
 */
function duplicatesPrevented({ user, records }: Scene, jobCount: number): number {
  const done = records().filter(({ status }) => status === 201)
  const opened = done.filter(({ operation }) => operation === 'Initiate').length
  const unanswered = user.posts.filter(({ outcome }) => outcome.type === 'unknown').length
  return unanswered + repeated(done, 'Complete') + Math.max(0, opened - jobCount)
}

async function post({ scene, jobs, signal }: MixTarget): Promise<void> {
  const ended = new Set<string>()
  let seen = 0
  while (!signal.aborted) {
    const source = await scene.makeSource(1 + scene.dice.below(8 * MIB))
    // Under one key, whatever the outcome, until it is accepted.
    const id = await scene.submit(source)
    jobs.push({ id, source })
    for (let unfinished = UNFINISHED_MAX; unfinished >= UNFINISHED_MAX && !signal.aborted; ) {
      await sleep(100)
      const { samples } = scene.user
      for (const { job } of samples.slice(seen)) {
        if (/^(?:archived|failed|cancelled|paused)$/.test(job.state)) ended.add(job.id)
      }
      seen = samples.length
      unfinished = jobs.filter((one) => !ended.has(one.id)).length
    }
  }
}

async function misbehave(target: MixTarget): Promise<void> {
  const { scene, signal } = target
  while (!signal.aborted) {
    await scene.dice.pick(mixFaults)(target)
    await sleep(scene.dice.below(1_000), undefined, { signal }).catch(() => {})
  }
}

/** Somebody else's archives, so that inventories go on: on a quiet vault no doubt can be resolved. */
async function liveOn({ glacier, vault }: Scene, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await glacier.archiveOfOthers(vault)
    await sleep(2_000, undefined, { signal }).catch(() => {})
  }
}

async function heal(scene: Scene): Promise<void> {
  scene.rule(null)
  scene.world.apiRedis.set({ type: 'pass' })
  scene.world.fleetRedis.set({ type: 'pass' })
  await scene.world.tellRedis('CONFIG', 'SET', 'maxmemory', '0')
  for (const { name } of scene.world.stack.processes()) {
    scene.world.signal(name, 'SIGCONT')
    await scene.world.untilBack(name, 0)
  }
}
