import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { type Controls, defaultControls, withName } from '@firn/core'
import type { ControlStore, WorkerReport } from '@firn/store'

const never = new AbortController().signal

function aWorker(name: string): WorkerReport {
  return { name, slotCount: 4, busyCount: 1, isHolding: false }
}

/** Every ControlStore passes this suite; `open` must give each test an empty store. */
export function describeControlStore(name: string, open: () => Promise<ControlStore>): void {
  describe(`ControlStore: ${name}`, () => {
    let store: ControlStore
    beforeEach(async () => {
      store = await open()
    })

    it('answers the defaults until somebody changes them', async () => {
      assert.deepEqual(await store.load(never), defaultControls)
    })

    it('keeps every field of a change', async () => {
      const all: Controls = {
        isHeld: true,
        heldVaults: ['a', 'b'],
        windowParts: 7,
        workerConcurrency: 3,
        drainingWorkers: ['host:1'],
      }
      assert.deepEqual(await store.change(() => all, never), all)
      assert.deepEqual(await store.load(never), all)
    })

    it('changes nothing when the change gives back what it got', async () => {
      await store.change((controls) => ({ ...controls, windowParts: 9 }), never)
      const same = await store.change((controls) => controls, never)
      assert.equal(same.windowParts, 9)
      assert.equal((await store.load(never)).windowParts, 9)
    })

    it('loses none of many changes at once', async () => {
      const vaults = Array.from({ length: 8 }, (_, index) => `vault${index}`)
      await Promise.all(
        vaults.map((vault) =>
          store.change(
            (controls) => ({
              ...controls,
              heldVaults: withName(controls.heldVaults, vault, true),
            }),
            never,
          ),
        ),
      )
      assert.deepEqual((await store.load(never)).heldVaults, vaults)
    })

    it('lists the workers that have reported, by name, as they reported last', async () => {
      assert.deepEqual(await store.listWorkers(never), [])
      await store.reportWorker(aWorker('host:2'), never)
      await store.reportWorker(aWorker('host:1'), never)
      await store.reportWorker({ ...aWorker('host:2'), isHolding: true }, never)
      const workers = await store.listWorkers(never)
      assert.deepEqual(
        workers.map(({ seenAtMs, ...report }) => report),
        [aWorker('host:1'), { ...aWorker('host:2'), isHolding: true }],
      )
      for (const { seenAtMs } of workers) assert.ok(seenAtMs > 0)
    })

    it('forgets a worker that says that it ends', async () => {
      await store.reportWorker(aWorker('host:1'), never)
      await store.forgetWorker('host:1', never)
      await store.forgetWorker('host:1', never)
      assert.deepEqual(await store.listWorkers(never), [])
    })
  })
}
