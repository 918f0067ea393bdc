import { type Controls, defaultControls } from '@firn/core'
import type { Random } from './random.ts'
import type { Choice, Scheduler, SimProcess } from './scheduler.ts'
import { command, look, type Processes, type Witness } from './sim-actors.ts'
import type { Models } from './sim-ports.ts'

const HOUR_MS = 3600 * 1000
const MACHINES = ['api', 'worker1', 'worker2', 'finalizer1', 'finalizer2', 'glacier']

/** What mischief is made with. */
export interface Playground {
  readonly random: Random
  readonly models: Models
  readonly scheduler: Pick<Scheduler, 'pause' | 'resume'>
  readonly processes: Processes
  readonly witness: Witness
  readonly housekeepers: readonly (() => void)[]
  readonly jobCount: number
  readonly faultRate: number
  readonly isSpoiled: boolean
  readonly setControls: (controls: Controls) => void
}

/** People and the world at their worst, to be chosen from at each step. */
export function mischief(ground: Playground): Choice[] {
  return [
    ...fromPeople(ground),
    ...fromMachines(ground),
    ...fromProcesses(ground),
    ...fromGlacier(ground),
  ]
}

function fromPeople({ random, witness, processes, ...ground }: Playground): Choice[] {
  const { faultRate, jobCount, models } = ground
  const file = () => `/file${1 + random.below(jobCount)}`
  const operate = () => {
    const heldVaults = random.below(2) === 0 ? ['v'] : []
    ground.setControls({ ...defaultControls, heldVaults, windowParts: 1 + random.below(4) })
  }
  return [
    { label: 'command', weight: 0.03, happen: () => command(processes, random, witness) },
    { label: 'look', weight: 0.03, happen: () => look(processes, random, witness) },
    { label: 'an operator acts', weight: 0.01, happen: operate },
    {
      label: 'a source changes',
      weight: faultRate / 30,
      happen: () => models.sources.change(file()),
    },
    {
      label: 'a source changes under its reader',
      weight: faultRate / 30,
      happen: () => models.sources.tear(file()),
    },
  ]
}

function fromMachines({ random, models, faultRate, isSpoiled }: Playground): Choice[] {
  const { redis, clock } = models
  const machine = MACHINES[random.below(MACHINES.length)] ?? 'api'
  const pass = () => clock.advance(random.below(30) * HOUR_MS)
  const lossRate = isSpoiled ? 0 : faultRate
  return [
    { label: 'Redis loses everything', weight: lossRate / 60, happen: redis.wipe },
    { label: 'Redis reaches the disk', weight: lossRate / 4, happen: redis.persist },
    { label: 'Redis falls back to the disk', weight: lossRate / 15, happen: redis.rollBack },
    { label: 'time passes', weight: faultRate / 10, happen: pass },
    {
      label: `the clock of ${machine} is set`,
      weight: faultRate / 30,
      happen: () => clock.set(machine),
    },
  ]
}

function fromProcesses({ models, scheduler, processes, ...ground }: Playground): Choice[] {
  const { faultRate, housekeepers } = ground
  const { queues } = models.redis
  const everybody = MACHINES.filter((name) => name !== 'glacier').map(processes.live)
  return [
    { label: 'release', weight: queues.hasDelayed() ? 0.2 : 0, happen: queues.release },
    ...housekeepers.map((happen) => ({ label: 'housekeeping', weight: 0.02, happen })),
    ...queues.active().map((job) => ({
      label: `stall ${job.id}`,
      // The lock of who says nothing expires.
      weight: job.lock?.process.isPaused ? 0.2 : faultRate / 5,
      happen: () => queues.stall(job),
    })),
    ...everybody.map((process) => stopOrGo(process, scheduler, faultRate)),
  ]
}

function stopOrGo(
  process: SimProcess,
  { pause, resume }: Playground['scheduler'],
  faultRate: number,
): Choice {
  const { name } = process
  return process.isPaused
    ? { label: `${name} goes on`, weight: 0.02, happen: () => resume(process) }
    : { label: `${name} stops`, weight: faultRate / 15, happen: () => pause(process) }
}

function fromGlacier({ random, models: { glacier }, faultRate, isSpoiled }: Playground): Choice[] {
  const open = glacier.openUploads()
  const upload = open[random.below(open.length)]
  return [
    { label: 'inventory', weight: 0.01, happen: glacier.takeInventory },
    ...glacier.idleUploads().map(({ uploadId }) => ({
      label: `expire ${uploadId}`,
      weight: 0.1,
      happen: () => glacier.expire(uploadId),
    })),
    ...(upload === undefined
      ? []
      : [
          {
            label: `somebody aborts ${upload.uploadId}`,
            weight: faultRate / 100,
            happen: () => glacier.expire(upload.uploadId),
          },
          {
            label: `somebody spoils ${upload.uploadId}`,
            weight: isSpoiled ? faultRate / 10 : 0,
            happen: () => glacier.spoil(upload.uploadId),
          },
        ]),
  ]
}
