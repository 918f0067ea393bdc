import {
  CONTROL_NAMES_MAX,
  type Controls,
  dispositionByCode,
  type ErrorCode,
  WINDOW_PARTS_MAX,
  WORKER_CONCURRENCY_MAX,
} from '@firn/core'
import { z } from 'zod'
import { Labels, VaultName } from './fields.ts'

const Count = z.int().min(0)
const Cursor = z.string().nullable().meta({ description: 'Give it as `cursor` for the next page' })

const Held = z.boolean().meta({ description: 'Whether no worker begins anything' })
const HeldVaults = z
  .array(VaultName)
  .max(CONTROL_NAMES_MAX)
  .meta({ description: 'Vaults for which no worker begins anything' })
const Window = z.int().min(1).max(WINDOW_PARTS_MAX).meta({
  description: 'At most this many parts of one archive are handed out and not uploaded',
})
const WorkerConcurrency = z.int().min(1).max(WORKER_CONCURRENCY_MAX).nullable().meta({
  description: 'Parts in flight at once in each worker; null: WORKER_CONCURRENCY of each',
})

/** What operators have set. */
export const ControlsView = z
  .object({
    held: Held,
    heldVaults: HeldVaults,
    window: Window,
    workerConcurrency: WorkerConcurrency,
    drainingWorkers: z.array(z.string()),
  })
  .meta({ id: 'Controls' })
export type ControlsView = z.output<typeof ControlsView>

/** The body of `PATCH /v1/controls`: what is absent stays. */
export const ControlsChange = z
  .strictObject({
    held: Held,
    heldVaults: HeldVaults,
    window: Window,
    workerConcurrency: WorkerConcurrency,
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'must change something')
  .meta({ id: 'ControlsChange' })
export type ControlsChange = z.output<typeof ControlsChange>

/** The body of `POST /v1/pause` and `/v1/resume`. */
export const HoldRequest = z
  .strictObject({
    vault: VaultName.optional().meta({ description: 'This vault alone; everything without it' }),
  })
  .meta({ id: 'HoldRequest' })

export const WorkerView = z
  .object({
    name: z.string(),
    slots: Count.meta({ description: 'Parts that it runs at once' }),
    busy: Count.meta({ description: 'Parts that it runs now' }),
    holding: z.boolean().meta({ description: 'It begins nothing, as it says itself' }),
    draining: z.boolean().meta({ description: 'It has been told to drain' }),
    lastSeenAt: z.iso.datetime(),
  })
  .meta({ id: 'Worker' })
export type WorkerView = z.output<typeof WorkerView>

export const WorkerListView = z
  .object({ items: z.array(WorkerView), nextCursor: Cursor })
  .meta({ id: 'WorkerList' })

const codes = Object.keys(dispositionByCode)

/** The body of `POST /v1/jobs/retry`: jobs that match all of it are retried. */
export const RetryRequest = z
  .strictObject({
    state: z.literal('failed').default('failed'),
    vault: VaultName.optional(),
    labels: Labels.optional(),
    errorCode: z
      .string()
      .refine((code): code is ErrorCode => codes.includes(code), 'is not a code of a failure')
      .optional()
      .meta({ description: '`error.code` of the jobs' }),
    cursor: z.string().max(512).optional(),
  })
  .meta({ id: 'RetryRequest' })

export const RetryReportView = z
  .object({
    matched: Count,
    retried: Count,
    refused: Count.meta({ description: 'Their uploads are still being aborted; try again' }),
    nextCursor: Cursor.meta({ description: 'Not null when time ran out: ask again with it' }),
  })
  .meta({ id: 'RetryReport' })

/** The API's view of the controls. Pure. */
export function controlsToView(controls: Controls): ControlsView {
  return {
    held: controls.isHeld,
    heldVaults: [...controls.heldVaults],
    window: controls.windowParts,
    workerConcurrency: controls.workerConcurrency,
    drainingWorkers: [...controls.drainingWorkers],
  }
}

/** The controls after a change. Pure. */
export function changeControls(controls: Controls, change: ControlsChange): Controls {
  return {
    ...controls,
    isHeld: change.held ?? controls.isHeld,
    heldVaults:
      change.heldVaults === undefined
        ? controls.heldVaults
        : [...new Set(change.heldVaults)].sort(),
    windowParts: change.window ?? controls.windowParts,
    workerConcurrency:
      change.workerConcurrency === undefined
        ? controls.workerConcurrency
        : change.workerConcurrency,
  }
}
