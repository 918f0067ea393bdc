import { Counter, type Registry } from 'prom-client'
import type { Logger } from './logger.ts'
import { createVaultLabels } from './vault-labels.ts'

/** What is told of a job that this process created or changed. */
export interface JobReport {
  readonly vault: string
  readonly state: string
  /** The job came to its end by this change, not by an earlier one. */
  readonly isNewEnd: boolean
}

const ENDS = ['archived', 'failed', 'cancelled']

/**
 * Logs changes of jobs and counts how they ended. A vault's counters begin at 0 with the first
 * change that this process makes there, so that its first end is an increase.
 */
export function reportJobs(registry: Registry, log: Logger): (report: JobReport) => void {
  const ended = new Counter({
    name: 'firn_jobs_ended_total',
    help: 'Jobs that this process brought to their end, by how they ended',
    labelNames: ['state', 'vault'],
    registers: [registry],
  })
  const labelOf = createVaultLabels()
  return ({ isNewEnd, ...change }) => {
    log.info(change, 'job changed')
    const vault = labelOf(change.vault)
    for (const state of ENDS)
      ended.inc({ state, vault }, isNewEnd && state === change.state ? 1 : 0)
  }
}
