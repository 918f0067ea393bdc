import {
  ControlsChange,
  changeControls,
  controlsToView,
  HoldRequest,
  PageQuery,
  type WorkerView,
} from '@firn/contracts'
import { CONTROL_NAMES_MAX, type Controls, withName } from '@firn/core'
import type { ControlStore, SeenWorker } from '@firn/store'
import type { Call, Handler } from './call.ts'
import { pageByKey } from './page-by-key.ts'
import { readBody, readQuery } from './read-input.ts'
import { RequestError } from './request-error.ts'

/** The calls with which operators hold, drain and resize. */
export function controlHandlers({ controlStore }: { readonly controlStore: ControlStore }) {
  const change = async (
    { signal, log }: Call,
    next: (controls: Controls) => Controls,
  ): Promise<Controls> => {
    const after = await controlStore.change(next, signal)
    log.info({ controls: controlsToView(after) }, 'an operator changed the controls')
    return after
  }
  const hold = async (call: Call, isHeld: boolean): Promise<{ body: unknown }> => {
    const { vault } = readBody(HoldRequest, call.req.body, 'The request')
    const after = await change(call, (controls) =>
      vault === undefined
        ? { ...controls, isHeld }
        : { ...controls, heldVaults: changed(controls.heldVaults, vault, isHeld) },
    )
    if (vault !== undefined) requireChanged(after.heldVaults, vault, isHeld)
    return { body: controlsToView(after) }
  }
  const drain = async (call: Call, isDraining: boolean): Promise<{ body: unknown }> => {
    const name = call.params.name ?? ''
    const live = (await controlStore.listWorkers(call.signal)).map((worker) => worker.name)
    const known = (await controlStore.load(call.signal)).drainingWorkers.concat(live)
    if (!known.includes(name)) throw notFound(name)
    const after = await change(call, (controls) => {
      // Names of workers that are gone would pile up: every process has one of its own.
      const kept = controls.drainingWorkers.filter((one) => one === name || live.includes(one))
      return { ...controls, drainingWorkers: changed(kept, name, isDraining) }
    })
    requireChanged(after.drainingWorkers, name, isDraining)
    return { body: controlsToView(after) }
  }

  return {
    async getControls({ signal }) {
      return { body: controlsToView(await controlStore.load(signal)) }
    },
    async changeControls(call) {
      const wanted = readBody(ControlsChange, call.req.body, 'The change')
      const after = await change(call, (controls) => changeControls(controls, wanted))
      return { body: controlsToView(after) }
    },
    pause: (call) => hold(call, true),
    resume: (call) => hold(call, false),
    async listWorkers({ req, signal }) {
      const query = readQuery(PageQuery, req.url)
      const [workers, { drainingWorkers }] = await Promise.all([
        controlStore.listWorkers(signal),
        controlStore.load(signal),
      ])
      const { items, nextCursor } = pageByKey('workers', workers, ({ name }) => name, query)
      return { body: { items: items.map((one) => toView(one, drainingWorkers)), nextCursor } }
    },
    drainWorker: (call) => drain(call, true),
    undrainWorker: (call) => drain(call, false),
  } as const satisfies Record<string, Handler>
}

function toView(worker: SeenWorker, drainingWorkers: readonly string[]): WorkerView {
  return {
    name: worker.name,
    slots: worker.slotCount,
    busy: worker.busyCount,
    holding: worker.isHolding,
    draining: drainingWorkers.includes(worker.name),
    lastSeenAt: new Date(worker.seenAtMs).toISOString(),
  }
}

/** A list that is full stays as it is, since the record is read every second. */
function changed(names: readonly string[], name: string, isWanted: boolean): readonly string[] {
  return isWanted && names.length >= CONTROL_NAMES_MAX ? names : withName(names, name, isWanted)
}

function requireChanged(names: readonly string[], name: string, isWanted: boolean): void {
  if (names.includes(name) === isWanted) return
  throw new RequestError('VALIDATION_FAILED', `At most ${CONTROL_NAMES_MAX} can be listed`)
}

function notFound(name: string): RequestError {
  const shown = JSON.stringify(name.slice(0, 80))
  return new RequestError('WORKER_NOT_FOUND', `No worker ${shown} has reported of late`)
}
