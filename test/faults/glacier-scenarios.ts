import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job } from './api-user.ts'
import { pass, type Verdict } from './glacier-gate.ts'
import { countOf, first, glacierError, holdPart, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

const everyCall = ['Initiate', 'UploadPart', 'ListParts', 'Complete']

/** One file under a rule for its requests to Glacier ends as one archive. */
function survives(input: {
  readonly id: string
  readonly fault: string
  readonly outcome?: string
  readonly verdict: Verdict
  readonly operations?: readonly string[]
  /** Parts that must be on their way in all, of 4. */
  readonly partsSent?: number
}): Scenario {
  const { id, fault, outcome = 'repeated with back-off; archived', verdict } = input
  return {
    ...{ id, fault, outcome },
    async run(scene) {
      scene.rule(first(2, input.operations ?? everyCall, verdict))
      await scene.submit(await scene.makeSource(3 * MIB + 5))
      await settleArchived(scene)
      const sent = countOf(scene, 'UploadPart')
      assert.ok(sent >= (input.partsSent ?? 4), `${sent} parts were sent`)
    },
  }
}

const unavailable = glacierError(500, 'ServiceUnavailableException', 'Service is unavailable.')
const timedOut = glacierError(408, 'RequestTimeoutException', 'Timed out while waiting for data')
const throttled = glacierError(400, 'ThrottlingException', 'Rate exceeded')
const page = { status: 503, type: 'text/html', body: '<html><h1>503</h1></html>' }
const expired = glacierError(403, 'ExpiredTokenException', 'The security token has expired')

const hangs: Scenario = {
  id: 'glacier-hangs',
  fault: 'Glacier takes a part and then says nothing, until the connection breaks',
  outcome: 'the part is sent again; archived',
  async run(scene) {
    const held = holdPart(scene, 2)
    await scene.submit(await scene.makeSource(4 * MIB))
    await held.reached
    held.release()
    await settleArchived(scene)
  },
}

const vaultKilled: Scenario = {
  id: 'vault-killed',
  fault: 'the vault is killed in the middle of uploads and starts again',
  outcome: 'no part that it acknowledged is lost; archived under the same upload',
  async run(scene) {
    for (let index = 0; index < 2; index += 1) {
      await scene.submit(await scene.makeSource(12 * MIB + index))
    }
    for (const parts of [3, 12]) {
      await scene.until(() => countOf(scene, 'UploadPart') >= parts, `${parts} parts are sent`)
      const pid = scene.world.signal('vault', 'SIGKILL')
      scene.fault('SIGKILL vault')
      await scene.world.untilBack('vault', pid)
    }
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 2)
  },
}

/** Nothing that was under way at a pause reaches Glacier any more, so that the upload is at rest. */
async function partsAreIn(scene: Scene): Promise<void> {
  let count = -1
  await scene.until(async () => {
    const before = count
    count = countOf(scene, 'UploadPart')
    await sleep(500)
    return count === before
  }, 'no part is sent any more')
}

const uploadExpired: Scenario = {
  id: 'upload-expired',
  fault: 'a job is paused for more than a day and resumed, and Glacier has forgotten its upload',
  outcome: 'a new upload, since no Complete was ever meant for the old one; one archive',
  async run(scene) {
    const held = holdPart(scene, 3)
    const id = await scene.submit(await scene.makeSource(8 * MIB))
    await held.reached
    await scene.untilJob(id, ({ parts }) => parts.uploaded > 0, 'parts are uploaded')
    assert.equal(await scene.user.command(id, 'pause'), 202)
    held.release()
    scene.forgive()
    await partsAreIn(scene)
    await scene.world.advanceClock(25 * 3600 * 1000)
    scene.fault('the vault is 25 hours on')
    await scene.user.command(id, 'resume')
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 2)
  },
}

const uploadDenied: Scenario = {
  id: 'upload-denied',
  fault: 'Glacier says of a part that it does not know the upload, and knows it all the same',
  outcome: 'not believed before it says so of the list of parts, too; archived under one upload',
  async run(scene) {
    const message = 'The upload ID was not found'
    const answer = glacierError(404, 'ResourceNotFoundException', message)
    scene.rule(first(2, ['UploadPart'], { type: 'answer', answer }))
    await scene.submit(await scene.makeSource(3 * MIB + 5))
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 1, 'another upload was opened')
  },
}

const overwritten: Scenario = {
  id: 'part-overwritten',
  fault: 'a part that Glacier had confirmed holds other bytes when the upload is completed',
  outcome: 'noticed before Complete; the part is sent again; archived',
  async run(scene) {
    let isDone = false
    scene.rule(async ({ operation, uploadId }) => {
      // Only once all parts are there: a job that adopts its upload asks what is in it, too.
      const areSent = countOf(scene, 'UploadPart') >= 3
      if (operation !== 'ListParts' || isDone || !areSent || uploadId === null) return pass
      isDone = true
      scene.fault('part 1 is overwritten')
      await scene.glacier.overwrite(scene.vault, { uploadId, first: MIB, bytes: Buffer.alloc(MIB) })
      return { type: 'reset', when: 'body' }
    })
    scene.forgive()
    await scene.submit(await scene.makeSource(3 * MIB))
    await settleArchived(scene)
    assert.ok(countOf(scene, 'UploadPart') >= 4, 'the part was not sent again')
  },
}

const credentials: Scenario = {
  id: 'credentials-expired',
  fault: 'the credentials expire in the middle of an upload and are renewed later',
  outcome: 'the job waits and says why; no try is counted; it goes on by itself',
  async run(scene) {
    let isExpired = true
    scene.rule(async ({ operation, number }) =>
      isExpired && operation === 'UploadPart' && number > 1
        ? { type: 'answer', answer: expired }
        : pass,
    )
    const id = await scene.submit(await scene.makeSource(4 * MIB))
    const isExplained = ({ error }: Job): boolean => error?.code === 'GLACIER_CREDENTIALS'
    const waiting = await scene.untilJob(id, isExplained, 'it says why it waits')
    assert.equal(waiting.state, 'uploading')
    isExpired = false
    await settleArchived(scene)
  },
}

const vaultMissing: Scenario = {
  id: 'vault-missing',
  fault: 'the job names a vault that does not exist',
  outcome: 'failed with GLACIER_VAULT_NOT_FOUND; nothing is left',
  async run(scene) {
    const source = await scene.makeSource(MIB)
    const missing = `${scene.vault}-later`
    const key = `${scene.vault} missing`
    const body = { vault: missing, source: { type: 'file', path: source.path } } as const
    const outcome = await scene.user.post(body, key)
    assert.equal(outcome.type, 'accepted')
    scene.fault('no such vault')
    const [failed] = await scene.settle()
    assert.equal(failed?.state, 'failed')
    assert.equal(failed?.error?.code, 'GLACIER_VAULT_NOT_FOUND')
  },
}

export const glacierGroup: ScenarioGroup = {
  name: 'a Glacier that fails, lies or is gone',
  scenarios: [
    survives({
      id: 'glacier-500',
      fault: 'Glacier answers 500 to every kind of call',
      verdict: { type: 'answer', answer: unavailable },
    }),
    survives({
      id: 'glacier-408',
      fault: 'Glacier answers 408 to every kind of call',
      verdict: { type: 'answer', answer: timedOut },
    }),
    survives({
      id: 'glacier-html',
      fault: 'a proxy in front of Glacier answers 503 with a page',
      verdict: { type: 'answer', answer: page },
    }),
    survives({
      id: 'glacier-throttles',
      fault: 'Glacier throttles, as it does: with a 400',
      outcome: 'slower, no try counted; archived',
      verdict: { type: 'answer', answer: throttled },
    }),
    survives({
      id: 'glacier-resets-early',
      fault: 'connections are reset before the body',
      verdict: { type: 'reset', when: 'headers' },
    }),
    survives({
      id: 'glacier-resets-half',
      fault: 'connections are reset in the middle of a part',
      verdict: { type: 'reset', when: 'half' },
      operations: ['UploadPart'],
    }),
    survives({
      id: 'glacier-resets-late',
      fault: 'connections are reset after the body',
      verdict: { type: 'reset', when: 'body' },
    }),
    survives({
      id: 'bit-flipped',
      fault: 'a bit of a part is flipped on its way',
      outcome: 'Glacier refuses it by its hash; it is sent again; archived',
      verdict: { type: 'flip-bit' },
      operations: ['UploadPart'],
      partsSent: 6,
    }),
    survives({
      id: 'wrong-hash',
      fault: 'Glacier confirms a part with another hash',
      outcome: 'the part does not count and is sent again; archived',
      verdict: { type: 'wrong-hash' },
      operations: ['UploadPart'],
      partsSent: 6,
    }),
    ...[hangs, vaultKilled, uploadExpired, uploadDenied, overwritten, credentials, vaultMissing],
  ],
}
