import { rename, truncate, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from './api-user.ts'
import { pass, type Verdict } from './glacier-gate.ts'
import { copyRedis } from './redis-copy.ts'
import { glacierError } from './rules.ts'
import { MIB, type Scene, type SourceFile } from './scene.ts'
import { seededBytes } from './seeded-bytes.ts'
import { makeReadOnly } from './small-disks.ts'

/** What a random mix works on. */
export interface MixTarget {
  readonly scene: Scene
  readonly jobs: { readonly id: string; readonly source: SourceFile }[]
  readonly signal: AbortSignal
  isRedisBusy: boolean
}

export type MixFault = (target: MixTarget) => Promise<void>

const processNames = ['worker-1', 'worker-2', 'finalizer', 'finalizer-2', 'api', 'vault'] as const

async function rest({ signal }: MixTarget, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}

const kill: MixFault = async (target) => {
  const { scene } = target
  const name = scene.dice.pick(processNames)
  const pid = scene.world.signal(name, 'SIGKILL')
  scene.fault(`SIGKILL ${name}`)
  await scene.world.untilBack(name, pid)
}

const restart: MixFault = async (target) => {
  const { scene } = target
  const name = scene.dice.pick(processNames)
  const pid = scene.world.signal(name, 'SIGTERM')
  scene.fault(`SIGTERM ${name}`)
  await scene.world.untilBack(name, pid)
}

const freeze: MixFault = async (target) => {
  const { scene } = target
  const name = scene.dice.pick(processNames)
  const ms = 500 + scene.dice.below(4_000)
  scene.world.signal(name, 'SIGSTOP')
  scene.fault(`SIGSTOP ${name} for ${ms} ms`)
  await rest(target, ms)
  scene.world.signal(name, 'SIGCONT')
}

/** Past its locks, which others then take over. */
const freezeLong: MixFault = async (target) => {
  const { scene } = target
  const name = scene.dice.pick(['worker-1', 'worker-2', 'finalizer', 'finalizer-2'] as const)
  const ms = 3_000 + scene.dice.below(5_000)
  scene.world.signal(name, 'SIGSTOP')
  scene.fault(`SIGSTOP ${name} for ${ms} ms`)
  await rest(target, ms)
  scene.world.signal(name, 'SIGCONT')
}

/** One at a time: nobody can be told anything by a Redis that is dead. */
function alone(fault: MixFault): MixFault {
  return async (target) => {
    if (target.isRedisBusy) return
    target.isRedisBusy = true
    await fault(target).finally(() => {
      target.isRedisBusy = false
    })
  }
}

const redisDies: MixFault = async (target) => {
  const { scene } = target
  await scene.world.redis.kill('SIGKILL')
  scene.fault('SIGKILL redis')
  await rest(target, scene.dice.below(1_500))
  await scene.world.redis.restart()
}

const redisFreezes: MixFault = async (target) => {
  const { scene } = target
  const ms = 200 + scene.dice.below(4_000)
  await scene.world.redis.kill('SIGSTOP')
  scene.fault(`SIGSTOP redis for ${ms} ms`)
  await rest(target, ms)
  await scene.world.redis.kill('SIGCONT')
}

const redisForgets: MixFault = async ({ scene }) => {
  await scene.world.tellRedis('FLUSHALL')
  scene.fault('FLUSHALL')
}

/** As after a failover to a replica that lagged, or a restart from a copy. */
const redisRollsBack: MixFault = async (target) => {
  const { scene } = target
  const { rollBack } = await copyRedis(scene.world.redis)
  const ms = 500 + scene.dice.below(6_000)
  await rest(target, ms)
  await rollBack()
  scene.fault(`Redis is as it was ${ms} ms ago`)
}

const redisFills: MixFault = async (target) => {
  const { scene } = target
  await scene.world.tellRedis('CONFIG', 'SET', 'maxmemory', '1mb')
  scene.fault('maxmemory 1mb')
  await rest(target, scene.dice.below(2_000))
  await scene.world.tellRedis('CONFIG', 'SET', 'maxmemory', '0')
}

const redisNetwork: MixFault = async (target) => {
  const { scene } = target
  const { apiRedis, fleetRedis } = scene.world
  const proxy = scene.dice.pick([apiRedis, fleetRedis])
  const mode = scene.dice.pick([
    { type: 'refuse' },
    { type: 'hold' },
    { type: 'half-open' },
    { type: 'latency', delayMs: 100 },
    { type: 'reset-after', bytes: 5_000 },
  ] as const)
  proxy.set(mode)
  scene.fault(`${proxy === apiRedis ? 'API' : 'fleet'} to Redis: ${mode.type}`)
  await rest(target, 300 + scene.dice.below(3_000))
  proxy.set({ type: 'pass' })
}

/** Where mounting is allowed. */
const journalFreezes: MixFault = async (target) => {
  const { scene } = target
  const thaw = makeReadOnly(scene.world.journalDirectory)
  if (thaw === undefined) return
  const ms = 500 + scene.dice.below(3_000)
  scene.fault(`the journal is read-only for ${ms} ms`)
  await rest(target, ms)
  thaw()
}

const verdicts: readonly Verdict[] = [
  { type: 'answer', answer: glacierError(500, 'ServiceUnavailableException', 'down') },
  { type: 'answer', answer: glacierError(400, 'ThrottlingException', 'Rate exceeded') },
  { type: 'answer', answer: glacierError(408, 'RequestTimeoutException', 'Timed out') },
  { type: 'answer', answer: { status: 503, type: 'text/html', body: '<html>503</html>' } },
  { type: 'reset', when: 'headers' },
  { type: 'reset', when: 'half' },
  { type: 'reset', when: 'body' },
  { type: 'commit-then-reset' },
  { type: 'commit-then-reset' },
  { type: 'flip-bit' },
  { type: 'wrong-hash' },
  { type: 'late', ms: 1_500 },
  { type: 'silence', isCommitted: true },
  { type: 'silence', isCommitted: false },
  { type: 'trickle' },
  { type: 'sip' },
]

/** Only a part has bytes or a hash to spoil, or bytes enough to go out slowly. */
const forParts: readonly Verdict['type'][] = ['flip-bit', 'wrong-hash', 'sip']

/** A spell in which some share of all requests to Glacier goes wrong. */
const glacierFails: MixFault = async (target) => {
  const { scene } = target
  const chance = 0.1 + scene.dice.next() / 2
  scene.rule(async ({ operation }) => {
    if (scene.dice.next() > chance) return pass
    const verdict = scene.dice.pick(verdicts)
    return forParts.includes(verdict.type) && operation !== 'UploadPart' ? pass : verdict
  })
  await rest(target, 500 + scene.dice.below(4_000))
  scene.rule(null)
}

/** For Firn the same as an upload that Glacier forgot; the vault's clock stays, as its restarts do not know of it. */
const uploadVanishes: MixFault = async ({ scene }) => {
  const uploads = await scene.glacier.uploads(scene.vault).catch(() => [])
  if (uploads.length === 0) return
  await scene.glacier.abort(scene.vault, scene.dice.pick(uploads).id).catch(() => {})
  scene.fault('an upload vanishes')
}

const commanded: MixFault = async ({ scene, jobs }) => {
  if (jobs.length === 0) return
  const command = scene.dice.pick<Command>(['pause', 'resume', 'retry', 'pause', 'cancel'])
  const { id } = scene.dice.pick(jobs.slice(-6))
  await scene.user.command(id, command)
}

const sourceChanges: MixFault = async ({ scene, jobs }) => {
  if (jobs.length === 0) return
  const { source } = scene.dice.pick(jobs.slice(-6))
  const sizeBytes = 1 + scene.dice.below(4 * MIB)
  const version = { seed: `${source.path} ${scene.dice.next()}`, sizeBytes }
  source.versions.push(version)
  scene.fault('a source changes')
  if (scene.dice.next() < 0.3) {
    const [first] = source.versions
    if (first === undefined || sizeBytes > first.sizeBytes) return
    await truncate(source.path, sizeBytes).catch(() => {})
  }
  await writeFile(`${source.path}.new`, seededBytes(version.seed, sizeBytes))
  await rename(`${source.path}.new`, source.path)
}

/** Every fault as often as it stands here. */
export const mixFaults: readonly MixFault[] = [
  ...[kill, kill, kill, restart, freeze, freeze, freezeLong],
  ...[redisDies, redisFreezes, redisForgets, redisFills, redisRollsBack, redisRollsBack].map(alone),
  ...[redisNetwork, redisNetwork, journalFreezes],
  ...[glacierFails, glacierFails, glacierFails, glacierFails, uploadVanishes],
  ...[commanded, commanded, commanded, sourceChanges],
]
