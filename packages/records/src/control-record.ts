import {
  CONTROL_NAMES_MAX,
  type Controls,
  WINDOW_PARTS_MAX,
  WORKER_CONCURRENCY_MAX,
} from '@firn/core'
import { z } from 'zod'

/** What a worker says of itself. */
export interface WorkerReport {
  readonly name: string
  /** Parts that it runs at once. */
  readonly slotCount: number
  readonly busyCount: number
  /** It begins nothing, whatever the reason. */
  readonly isHolding: boolean
}

const names = z.array(z.string()).max(CONTROL_NAMES_MAX)

const controlsSchema: z.ZodType<Controls> = z.object({
  isHeld: z.boolean(),
  heldVaults: names,
  windowParts: z.int().min(1).max(WINDOW_PARTS_MAX),
  workerConcurrency: z.int().min(1).max(WORKER_CONCURRENCY_MAX).nullable(),
  drainingWorkers: names,
})

const workerReportSchema: z.ZodType<WorkerReport> = z.object({
  name: z.string(),
  slotCount: z.int().min(0),
  busyCount: z.int().min(0),
  isHolding: z.boolean(),
})

/** The controls as a store keeps them. Throws when the text is not that. */
export function parseControlsRecord(text: string): Controls {
  return controlsSchema.parse(JSON.parse(text))
}

/** A worker's report as a store keeps it. Throws when the text is not one. */
export function parseWorkerReportRecord(text: string): WorkerReport {
  return workerReportSchema.parse(JSON.parse(text))
}
