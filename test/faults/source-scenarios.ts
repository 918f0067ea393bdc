import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFile,
  mkdir,
  open,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { dirname } from 'node:path'
import { countOf, holdPart, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene, type SourceFile } from './scene.ts'
import { seededBytes } from './seeded-bytes.ts'

const SIZE_BYTES = 8 * MIB

function changing(input: {
  readonly id: string
  readonly fault: string
  readonly code: RegExp
  /** What the reason says, if it matters. */
  readonly message?: RegExp
  readonly prepare?: (source: SourceFile) => Promise<void>
  readonly change: (source: SourceFile, scene: Scene) => Promise<void>
}): Scenario {
  const { id, fault } = input
  return {
    id,
    fault: `${fault} half-way`,
    outcome: 'failed with the reason; the upload is aborted; no archive of mixed bytes',
    async run(scene) {
      const held = holdPart(scene, 4)
      const source = await scene.makeSource(SIZE_BYTES)
      await input.prepare?.(source)
      await scene.submit(source)
      await held.reached
      await input.change(source, scene)
      scene.fault(fault)
      held.release()
      const [job] = await scene.settle()
      assert.equal(job?.state, 'failed')
      assert.match(job?.error?.code ?? '', input.code)
      assert.match(job?.error?.message ?? '', input.message ?? /./)
      assert.equal(countOf(scene, 'Complete'), 0)
    },
  }
}

/** There is no file to open by the time a worker looks. */
function unopenable(input: {
  readonly id: string
  readonly fault: string
  readonly code: string
  readonly change: (path: string) => Promise<void>
}): Scenario {
  const { id, fault, code } = input
  return {
    ...{ id, fault },
    outcome: 'failed with the reason; nothing was ever opened in the vault',
    async run(scene) {
      const source = await scene.makeSource(MIB)
      await rm(source.path)
      await input.change(source.path)
      scene.fault(fault)
      await scene.submit(source)
      const [job] = await scene.settle()
      assert.equal(job?.state, 'failed')
      assert.equal(job?.error?.code, code)
      assert.equal(countOf(scene, 'Initiate'), 0)
    },
  }
}

/** In place: a file that is cut off for a moment would give itself away. */
async function writeOver({ path }: SourceFile): Promise<void> {
  await using file = await open(path, 'r+')
  await file.write(seededBytes('other', SIZE_BYTES))
}

/** Puts something else under the name in one step. */
async function putInstead(path: string, make: (path: string) => Promise<void>): Promise<void> {
  await rm(path)
  await make(path)
}

const makeFifo = async (path: string): Promise<void> => void execFileSync('mkfifo', [path])
const makeDirectory = async (path: string): Promise<void> => void (await mkdir(path))

const storm: Scenario = {
  id: 'command-storm',
  fault: 'pause, resume, retry and cancel at random, while workers are killed',
  outcome: 'each job ends as one archive, or cancelled and without a trace',
  async run(scene) {
    const ids: string[] = []
    for (let index = 0; index < 5; index += 1) {
      ids.push(await scene.submit(await scene.makeSource(5 * MIB + index)))
    }
    const commands = ['pause', 'resume', 'retry', 'pause', 'resume', 'cancel'] as const
    for (let round = 0; round < 30; round += 1) {
      await scene.user.command(scene.dice.pick(ids), scene.dice.pick(commands))
      if (round % 10 === 9) {
        const pid = scene.world.signal('worker-1', 'SIGKILL')
        scene.fault('SIGKILL worker-1')
        await scene.world.untilBack('worker-1', pid)
      }
    }
    for (const id of ids) await scene.user.command(id, 'resume')
    for (const { state } of await scene.settle()) assert.match(state, /archived|cancelled/)
  },
}

const keyReused: Scenario = {
  id: 'key-reused',
  fault: 'one request comes 20 times at once under one key, and another under the same key',
  outcome: 'one job for all; the other request is refused with 422',
  async run(scene) {
    const source = await scene.makeSource(MIB)
    const key = `${scene.vault} same`
    scene.bind(key, source)
    const body = { vault: scene.vault, source: { type: 'file', path: source.path } } as const
    scene.fault('20 at once')
    const same = await Promise.all(Array.from({ length: 20 }, () => scene.user.post(body, key)))
    assert.ok(same.every(({ type }) => type === 'accepted'))
    const other = await scene.user.post({ ...body, partSize: 2 * MIB }, key)
    assert.equal(other.type === 'refused' ? other.status : 0, 422)
    await settleArchived(scene)
  },
}

export const sourceGroup: ScenarioGroup = {
  name: 'sources that change and people who do',
  scenarios: [
    changing({
      id: 'source-truncated',
      fault: 'the source is truncated',
      code: /^SOURCE_CHANGED$/,
      change: ({ path }) => truncate(path, MIB + 1),
    }),
    changing({
      id: 'source-rewritten',
      fault: 'the source is written over, its size kept',
      code: /^SOURCE_CHANGED$/,
      change: writeOver,
    }),
    changing({
      id: 'source-backdated',
      fault: 'the source is written over, its size kept and its time put back',
      code: /^SOURCE_CHANGED$/,
      message: /ctimeNs/,
      // Whole seconds: no time is rounded on its way back.
      prepare: ({ path }) => utimes(path, 1e9, 1e9),
      async change(source, { world }) {
        // Nobody looks in between, when the time of writing would still tell.
        const workers = ['worker-1', 'worker-2']
        for (const name of workers) world.signal(name, 'SIGSTOP')
        await writeOver(source)
        await utimes(source.path, 1e9, 1e9)
        for (const name of workers) world.signal(name, 'SIGCONT')
      },
    }),
    changing({
      id: 'source-grown',
      fault: 'the source grows',
      code: /^SOURCE_CHANGED$/,
      change: ({ path }) => appendFile(path, 'more'),
    }),
    changing({
      id: 'source-replaced',
      fault: 'the source is replaced by another file',
      code: /^SOURCE_CHANGED$/,
      async change({ path }) {
        await writeFile(`${path}.new`, seededBytes('new', SIZE_BYTES))
        await rename(`${path}.new`, path)
      },
    }),
    changing({
      id: 'source-removed',
      fault: 'the source is removed',
      code: /^SOURCE_(?:NOT_FOUND|CHANGED)$/,
      change: ({ path }) => rm(path),
    }),
    changing({
      id: 'source-linked-outside',
      fault: 'the source is replaced by a link to the same bytes outside the allowed directories',
      code: /^SOURCE_(?:NOT_ALLOWED|CHANGED)$/,
      async change({ path, versions: [version] }) {
        const outside = `${dirname(dirname(path))}/outside.bin`
        await writeFile(outside, seededBytes(version?.seed ?? '', SIZE_BYTES))
        await putInstead(path, () => symlink(outside, path))
      },
    }),
    changing({
      id: 'source-becomes-directory',
      fault: 'a directory takes the place of the source',
      code: /^SOURCE_(?:NOT_REGULAR|CHANGED)$/,
      change: ({ path }) => putInstead(path, makeDirectory),
    }),
    changing({
      id: 'source-becomes-fifo',
      fault: 'a pipe that nobody writes to takes the place of the source',
      code: /^SOURCE_(?:NOT_REGULAR|CHANGED)$/,
      change: ({ path }) => putInstead(path, makeFifo),
    }),
    unopenable({
      id: 'source-vanished',
      fault: 'the source is gone before a worker looks at it',
      code: 'SOURCE_NOT_FOUND',
      change: async () => {},
    }),
    unopenable({
      id: 'source-is-directory',
      fault: 'a directory is where the source was said to be',
      code: 'SOURCE_NOT_REGULAR',
      change: makeDirectory,
    }),
    ...[storm, keyReused],
  ],
}
