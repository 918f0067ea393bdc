import { after, describe, it } from 'node:test'
import type { ScenarioGroup } from './scenario.ts'
import { openScene } from './scene.ts'
import { openWorld, type World } from './world.ts'

/** FAULT_SEED replays a run; sources and choices follow from it. */
const seed = process.env.FAULT_SEED ?? String(Date.now() % 1_000_000)

/** Runs the scenarios of a group one after another in one world, a new one after a failure. */
export function runGroup(group: ScenarioGroup): void {
  describe(`${group.name} (FAULT_SEED=${seed})`, () => {
    let shared: World | undefined
    const closeWorld = async (): Promise<void> => {
      const world = shared
      shared = undefined
      await world?.[Symbol.asyncDispose]()
    }
    after(closeWorld)
    for (const { id, fault, run, skip } of group.scenarios) {
      it(`${id}: ${fault}`, { ...(skip !== undefined && { skip }) }, async (t) => {
        shared ??= await openWorld(group.world)
        const world = shared
        try {
          await using scene = await openScene(world, id, seed)
          await run(scene)
          scene.rule(null)
          heal(world)
          await scene.settle()
          await scene.check()
          for (const figures of scene.told) t.diagnostic(figures)
        } catch (error) {
          await closeWorld()
          throw error
        }
      })
    }
  })
}

function heal({ apiRedis, fleetRedis, loneRedis, loneGlacier }: World): void {
  for (const proxy of [apiRedis, fleetRedis, loneRedis, loneGlacier]) proxy.set({ type: 'pass' })
}
