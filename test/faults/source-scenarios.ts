import assert from 'node:assert/strict'
import { open, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { countOf, holdPart, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type SourceFile } from './scene.ts'
import { seededBytes } from './seeded-bytes.ts'

const SIZE_BYTES = 8 * MIB

function changing(input: {
  readonly id: string
  readonly fault: string
  readonly code: RegExp
  readonly change: (source: SourceFile) => Promise<void>
}): Scenario {
  const { id, fault } = input
  return {
    id,
    fault: `${fault} half-way`,
    outcome: 'failed with the reason; the upload is aborted; no archive of mixed bytes',
    async run(scene) {
      const held = holdPart(scene, 4)
      const source = await scene.makeSource(SIZE_BYTES)
      await scene.submit(source)
      await held.reached
      await input.change(source)
      scene.fault(fault)
      held.release()
      const [job] = await scene.settle()
      assert.equal(job?.state, 'failed')
      assert.match(job?.error?.code ?? '', input.code)
      assert.equal(countOf(scene, 'Complete'), 0)
    },
  }
}

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
      async change({ path }) {
        // In place: a file that is cut off for a moment would give itself away.
        await using file = await open(path, 'r+')
        await file.write(seededBytes('other', SIZE_BYTES))
      },
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
    ...[storm, keyReused],
  ],
}
