import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiUser, type Job, openApiUser } from './api-user.ts'
import type { LargeVersion, Version } from './archive-checks.ts'
import { checkEvidence } from './checker.ts'
import type { GateRecord, Rule } from './glacier-gate.ts'
import { createGlacierView, type GlacierView } from './glacier-view.ts'
import { createDice, type Dice, seededBytes } from './seeded-bytes.ts'
import { WAIT_MAX_MS, type World } from './world.ts'

export const MIB = 1024 ** 2
const POLL_MS = 25

/** A file whose bytes come from a seed, and all that it ever held. */
export interface SourceFile {
  readonly path: string
  readonly versions: Version[]
}

/** What a job may be about. */
export interface AnySource {
  readonly path: string
  readonly versions: readonly (Version | LargeVersion)[]
}

/** One story in a world: a vault, files, jobs and faults of its own. */
export interface Scene extends AsyncDisposable {
  readonly world: World
  readonly vault: string
  readonly dice: Dice
  readonly user: ApiUser
  readonly glacier: GlacierView
  readonly makeSource: (sizeBytes: number) => Promise<SourceFile>
  /** Posts until it is accepted, under one key, and returns the job's id. */
  readonly submit: (source: AnySource, partSize?: number) => Promise<string>
  /** Says which file a key stands for, for posts that a scenario makes itself. */
  readonly bind: (key: string, source: AnySource) => void
  /** Notes a fault that was done, for the report. */
  readonly fault: (text: string) => void
  /** Figures for who reads the report of a run that went well. */
  readonly tell: (figures: string) => void
  readonly told: readonly string[]
  /** All of them, or those whose text begins so. */
  readonly faultCount: (start?: string) => number
  /** Decides about this scene's requests to Glacier; notes the fault when it strikes. */
  readonly rule: (rule: Rule | null) => void
  readonly records: () => readonly GateRecord[]
  /** Recorded parts may be forgotten from here on. */
  readonly forgive: () => void
  /** Redis may be as it was some time ago: parts and ends may be forgotten, ends for a while. */
  readonly forgiveRollback: () => void
  readonly untilJob: (id: string, isTrue: (job: Job) => boolean, what: string) => Promise<Job>
  readonly until: (isTrue: () => boolean | Promise<boolean>, what: string) => Promise<void>
  /** Waits until every accepted job has ended and no upload is left that somebody will abort. */
  readonly settle: () => Promise<readonly Job[]>
  /** Throws with the seed, the faults and the least witness of each violated invariant. */
  readonly check: () => Promise<void>
}

interface State {
  readonly world: World
  readonly name: string
  readonly seed: string
  readonly vault: string
  readonly user: ApiUser
  readonly glacier: GlacierView
  readonly versionsByKey: Map<string, AnySource['versions']>
  readonly faults: string[]
  readonly startedAtMs: number
  fileCount: number
  hasRule: boolean
  mayForgetParts: boolean
  mayForgetEnds: boolean
}

export async function openScene(world: World, name: string, seed: string): Promise<Scene> {
  const vault = `${name}-${seed}`.slice(0, 200)
  await world.createVault(vault)
  const state: State = {
    ...{ world, name, seed, vault },
    user: openApiUser({ url: world.stack.apiUrl, token: world.stack.apiToken }),
    glacier: createGlacierView(world.glacier),
    versionsByKey: new Map(),
    faults: [],
    startedAtMs: Date.now(),
    ...{ fileCount: 0, hasRule: false, mayForgetParts: false, mayForgetEnds: false },
  }
  const { user, glacier, versionsByKey } = state
  const told: string[] = []
  return {
    ...{ world, vault, user, glacier, until, told },
    tell: (figures) => void told.push(figures),
    dice: createDice(`${seed} ${name}`),
    makeSource: (sizeBytes) => makeSource(state, sizeBytes),
    submit: (source, partSize = MIB) => submit(state, source, partSize),
    bind: (key, source) => versionsByKey.set(key, source.versions),
    fault: (text) => state.faults.push(`${Date.now() - state.startedAtMs} ms ${text}`),
    faultCount: (start = '') => state.faults.filter((text) => text.includes(` ms ${start}`)).length,
    rule(rule) {
      if (rule !== null) state.hasRule = true
      world.gate.rule(vault, rule)
    },
    records: () => world.gate.records(vault),
    forgive() {
      state.mayForgetParts = true
    },
    forgiveRollback() {
      state.mayForgetParts = true
      state.mayForgetEnds = true
    },
    untilJob: (id, isTrue, what) => untilJob(state, { id, isTrue, what }),
    settle: () => settle(state),
    check: () => check(state),
    async [Symbol.asyncDispose]() {
      world.gate.rule(vault, null)
      await user[Symbol.asyncDispose]()
      glacier[Symbol.dispose]()
    },
  }
}

async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + WAIT_MAX_MS
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`Still not so: ${what}`)
    await sleep(POLL_MS)
  }
}

async function makeSource(state: State, sizeBytes: number): Promise<SourceFile> {
  state.fileCount += 1
  const version = { seed: `${state.seed} ${state.name} ${state.fileCount}`, sizeBytes }
  const path = join(state.world.filesDirectory, `${state.vault}-${state.fileCount}.bin`)
  await writeFile(path, seededBytes(version.seed, sizeBytes))
  return { path, versions: [version] }
}

async function submit(state: State, source: AnySource, partSize: number): Promise<string> {
  const { vault, user, versionsByKey } = state
  const key = `${vault} ${versionsByKey.size}`
  versionsByKey.set(key, source.versions)
  const body = { vault, source: { type: 'file', path: source.path }, partSize } as const
  let id = ''
  await until(async () => {
    const outcome = await user.post(body, key)
    if (outcome.type === 'accepted') id = outcome.jobId
    return id !== ''
  }, 'the API accepts a job')
  return id
}

async function untilJob(
  { user }: State,
  wanted: {
    readonly id: string
    readonly isTrue: (job: Job) => boolean
    readonly what: string
  },
): Promise<Job> {
  let found: Job | undefined
  const seen = (): string => `${wanted.what}; last seen: ${JSON.stringify(found)}`
  const deadline = Date.now() + WAIT_MAX_MS
  for (;;) {
    found = (await user.get(wanted.id)) ?? found
    if (found !== undefined && wanted.isTrue(found)) return found
    if (Date.now() > deadline) throw new Error(`Still not so: ${seen()}`)
    await sleep(POLL_MS)
  }
}

async function settle(state: State): Promise<readonly Job[]> {
  const { user, glacier, vault } = state
  const isEnded = ({ state: now }: Job): boolean => /^(?:archived|failed|cancelled)$/.test(now)
  const ids = new Set<string>()
  for (const { outcome } of user.posts) if (outcome.type === 'accepted') ids.add(outcome.jobId)
  const jobs: Job[] = []
  for (const id of ids) {
    jobs.push(await untilJob(state, { id, isTrue: isEnded, what: `job ${id} ends` }))
  }
  const kept = new Set(jobs.filter(({ error }) => error?.retryable).map((job) => job.uploadId))
  await until(
    async () => (await glacier.uploads(vault)).every(({ id }) => kept.has(id)),
    'no upload is left over',
  )
  return jobs
}

async function check(state: State): Promise<void> {
  const { world, vault, name, seed, startedAtMs } = state
  const records = world.gate.records(vault)
  const struck = records.filter(({ verdict }) => verdict !== 'pass')
  const done = [...state.faults, ...struck.map((record) => describeRecord(record, startedAtMs))]
  assert.ok(done.length > 0, 'no fault was done')
  assert.ok(!state.hasRule || struck.length > 0, 'the rule for Glacier never struck')
  const { journalDirectory } = world
  const violations = await checkEvidence({ ...state, journalDirectory, records })
  if (violations.length === 0) return
  const found = violations.map(({ invariant, witness }) => `  ${invariant}: ${witness}`)
  throw new Error(
    `${name}, seed ${seed}: ${violations.length} violations\n${found.slice(0, 10).join('\n')}` +
      `\nfaults as executed:\n  ${done.join('\n  ')}`,
  )
}

function describeRecord(record: GateRecord, startedAtMs: number): string {
  const { atMs, operation, number, range, verdict } = record
  const at = range === null ? '' : ` at ${range.first}`
  return `${atMs - startedAtMs} ms ${operation} ${number}${at}: ${verdict}`
}
