import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { pass } from './glacier-gate.ts'
import { settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'
import type { World } from './world.ts'

const NAMES = ['worker-1', 'worker-2', 'finalizer', 'finalizer-2', 'api'] as const
/** What Kubernetes is told, less what it takes to see it. */
const EXIT_MAX_MS = 25_000
/** Not a promise: that it happens at once is what counts. */
const UNREADY_MAX_MS = 5_000
const POLL_MS = 20

interface Stop {
  readonly name: string
  readonly unreadyMs: number
  readonly exitMs: number
  /** As the supervisor's log has it, such as "exit code 0". */
  readonly how: string
}

async function stop(world: World, name: string): Promise<Stop> {
  const before = await readFile(world.logFile(name), 'utf8')
  const { url } = world.stack.processes().find((one) => one.name === name) ?? {}
  const pid = world.signal(name, 'SIGTERM')
  const startMs = performance.now()
  const since = (): number => Math.round(performance.now() - startMs)
  let unreadyMs: number | undefined
  for (;;) {
    unreadyMs ??= (await isReady(`${url}/readyz`)) ? undefined : since()
    const log = (await readFile(world.logFile(name), 'utf8')).slice(before.length)
    const how = new RegExp(`${name} ended \\((.*)\\)`).exec(log)?.[1]
    if (how !== undefined) return { name, unreadyMs: unreadyMs ?? since(), exitMs: since(), how }
    if (since() > 2 * EXIT_MAX_MS) throw new Error(`${name} (${pid}) does not end`)
    await sleep(POLL_MS)
  }
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined)
  await response?.body?.cancel()
  return response?.ok === true
}

/** Parts and a Complete that Glacier never answers, and a request of the API that it never answers. */
async function holdEverything(scene: Scene): Promise<{ readonly release: () => void }> {
  const reached = {
    UploadPart: Promise.withResolvers<void>(),
    Complete: Promise.withResolvers<void>(),
  }
  const released = Promise.withResolvers<void>()
  let isHeld = true
  scene.rule(async ({ operation, range }) => {
    if (!isHeld || (operation !== 'Complete' && range?.first !== MIB)) return pass
    if (operation === 'Complete' || operation === 'UploadPart') reached[operation].resolve()
    return { type: 'hang', until: released.promise }
  })
  await scene.submit(await scene.makeSource(MIB))
  await scene.submit(await scene.makeSource(3 * MIB))
  await Promise.all([reached.UploadPart.promise, reached.Complete.promise])
  return {
    release() {
      isHeld = false
      released.resolve()
    },
  }
}

/** All of Firn is told to stop while something that it needs does not answer. */
function stopping(input: {
  readonly id: string
  readonly fault: string
  readonly leave: (world: World) => Promise<void>
  readonly comeBack: (world: World) => Promise<void>
}): Scenario {
  const { id, fault, leave, comeBack } = input
  return {
    ...{ id, fault },
    outcome: 'unready at once, exit 0 within 25 s; what was under way is handed over; archived',
    async run(scene) {
      const { world } = scene
      const held = await holdEverything(scene)
      await leave(world)
      scene.fault(fault)
      const { apiUrl, apiToken } = world.stack
      const headers = { authorization: `Bearer ${apiToken}` }
      // Under way while the API stops: it needs Redis and Glacier both.
      const asked = fetch(`${apiUrl}/v1/vaults`, { headers }).catch(() => undefined)
      const posted = scene.submit(await scene.makeSource(MIB))
      const stops = await Promise.all(NAMES.map((name) => stop(world, name)))
      await (await asked)?.body?.cancel()
      for (const { name, unreadyMs, exitMs } of stops) {
        scene.tell(`${name}: unready after ${unreadyMs} ms, ended after ${exitMs} ms`)
      }
      for (const { name, unreadyMs, exitMs, how } of stops) {
        assert.equal(how, 'exit code 0', name)
        assert.ok(exitMs <= EXIT_MAX_MS, `${name} took ${exitMs} ms`)
        assert.ok(unreadyMs <= UNREADY_MAX_MS, `${name} was ready for ${unreadyMs} ms`)
      }
      held.release()
      await comeBack(world)
      for (const name of NAMES) await world.untilBack(name, 0)
      await posted
      await settleArchived(scene)
    },
  }
}

export const shutdownGroup: ScenarioGroup = {
  name: 'processes that are told to stop when they cannot do anything',
  scenarios: [
    stopping({
      id: 'stopped-glacier-silent',
      fault: 'SIGTERM to all while Glacier answers nothing',
      async leave({ signal }) {
        signal('vault', 'SIGSTOP')
      },
      async comeBack({ signal }) {
        signal('vault', 'SIGCONT')
      },
    }),
    stopping({
      id: 'stopped-redis-frozen',
      fault: 'SIGTERM to all while Glacier says nothing and Redis is frozen',
      leave: ({ redis }) => redis.kill('SIGSTOP'),
      comeBack: ({ redis }) => redis.kill('SIGCONT'),
    }),
    stopping({
      id: 'stopped-redis-dead',
      fault: 'SIGTERM to all while Glacier says nothing and Redis is dead',
      leave: ({ redis }) => redis.kill('SIGKILL'),
      comeBack: ({ redis }) => redis.restart(),
    }),
  ],
}
