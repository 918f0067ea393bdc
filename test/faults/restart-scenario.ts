import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { sendAgain, type TriedPost, tryPost } from './outage.ts'
import { countOf, settleArchived } from './rules.ts'
import type { Scenario } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

/** Parts that one worker of the world has in flight at most. */
const IN_FLIGHT_MAX = 3
/** What a client that reads docs/api.md tries again: the server is not there, or just went. */
const RETRYABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET'])

const Parts = z.object({
  items: z.array(z.object({ index: z.number(), attempts: z.number() })),
  nextCursor: z.string().nullable(),
})

export const rollingRestart: Scenario = {
  id: 'rolling-restart',
  fault: 'workers, finalizers and the API are restarted in turn by SIGTERM under load',
  outcome:
    'parts are handed over and no attempt is counted; clients see nothing but 503 and refused connections',
  async run(scene) {
    const { loneGlacier } = scene.world
    for (let index = 0; index < 4; index += 1) {
      await scene.submit(await scene.makeSource(8 * MIB + index))
    }
    await scene.until(() => countOf(scene, 'UploadPart') > 2, 'parts are sent')
    using clients = startClients(scene)
    // What worker-1 has in flight does not end before it has to: it is handed back.
    loneGlacier.set({ type: 'hold' })
    const held = loneGlacier.disturbedCount()
    await scene.until(() => loneGlacier.disturbedCount() > held, 'a part of worker-1 is held')
    await restart(scene, 'worker-1')
    // What was held never arrives: a late Initiate would be one upload more.
    loneGlacier.set({ type: 'refuse' })
    loneGlacier.set({ type: 'pass' })
    for (const name of ['finalizer', 'api', 'worker-2', 'finalizer-2']) await restart(scene, name)
    assert.deepEqual(await clients.stop(), [], 'clients saw failures')
    const jobs = await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), jobs.length, 'uploads were opened again')
    const partCount = jobs.reduce((sum, { parts }) => sum + (parts.total ?? 0), 0)
    const sent = countOf(scene, 'UploadPart')
    assert.ok(sent <= partCount + IN_FLIGHT_MAX, `${sent} parts were sent for ${partCount}`)
    for (const { id } of jobs) await assertOneAttempt(scene, id)
  },
}

async function restart(scene: Scene, name: string): Promise<void> {
  const pid = scene.world.signal(name, 'SIGTERM')
  scene.fault(`SIGTERM ${name}`)
  await scene.world.untilBack(name, pid)
}

/** Posts and asks all along. `stop` says what clients saw that they would not simply try again. */
function startClients(scene: Scene) {
  const failures: string[] = []
  const unsent: TriedPost[] = []
  let isOver = false
  const note = (status: number, isRetryable: boolean, text: string): void => {
    const isFine = status === 0 ? RETRYABLE.has(text) : status < 400
    if (!isFine && !(status === 503 && isRetryable)) failures.push(`${status} ${text}`)
  }
  const post = async (): Promise<void> => {
    for (let number = 0; !isOver; number += 1) {
      const tried = await tryPost(scene, `${scene.vault} client ${number}`)
      const { outcome } = tried
      if (outcome.type !== 'accepted') unsent.push(tried)
      if (outcome.type === 'refused') note(outcome.status, outcome.isRetryable, outcome.code)
      if (outcome.type === 'unknown') note(0, true, outcome.why)
      await sleep(200)
    }
  }
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const { status, isRetryable, text } = await scene.user.ask(`/v1/jobs?vault=${scene.vault}`)
      note(status, isRetryable, text)
      await sleep(50)
    }
  }
  const running = Promise.all([post(), ask()])
  running.catch(() => {})
  return {
    async stop(): Promise<readonly string[]> {
      isOver = true
      await running
      await sendAgain(scene, unsent)
      return failures
    },
    [Symbol.dispose]() {
      isOver = true
    },
  }
}

/** As its operators see it: no part took more than its one successful try. */
async function assertOneAttempt(scene: Scene, id: string): Promise<void> {
  const { status, text } = await scene.user.ask(`/v1/jobs/${id}/parts?limit=1000`)
  assert.equal(status, 200, text)
  const { items, nextCursor } = Parts.parse(JSON.parse(text))
  assert.equal(nextCursor, null)
  assert.ok(items.length > 0)
  for (const { index, attempts } of items) assert.equal(attempts, 1, `part ${index} of job ${id}`)
}
