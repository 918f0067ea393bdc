import { createKeptService, type KeptService } from './kept-service.ts'
import { openGuardian } from './open-guardian.ts'
import type { StackOutput } from './output.ts'
import type { ServiceDefinition } from './service.ts'
import { type ServiceKind, STOP_PHASES, stopPhaseOf } from './stop-phases.ts'

/** One process of the stack as it is at this moment. */
export interface ProcessStatus {
  readonly name: string
  readonly kind: ServiceKind
  readonly pid: number
  /** Base URL of its HTTP server, or null. */
  readonly url: string | null
  readonly isRunning: boolean
  /** How often it was started again. */
  readonly restarts: number
}

export interface Supervisor extends AsyncDisposable {
  /** Starts the service and waits until it is ready; from then on keeps it up, if told to restart. */
  readonly start: (definition: ServiceDefinition, signal: AbortSignal) => Promise<ProcessStatus>
  readonly processes: () => readonly ProcessStatus[]
  /** The process that stops the others when this one is killed. */
  readonly guardianPid: number
  /** Ends everything at once, without a drain. Disposing is still due. */
  readonly kill: () => void
}

/**
 * Owns the processes of one stack. Disposing stops them in the order of {@link STOP_PHASES} and
 * leaves none behind; should this process be killed, its guardian does the same.
 */
export async function openSupervisor(options: {
  readonly output: StackOutput
  readonly restart: boolean
  readonly restartDelayMaxMs?: number
}): Promise<Supervisor> {
  const guardian = await openGuardian()
  const stopping = new AbortController()
  const services: KeptService[] = []
  return {
    guardianPid: guardian.pid,
    async start(definition, signal) {
      const service = createKeptService({
        ...options,
        definition,
        stopping: stopping.signal,
        onSpawn: (child) => guardian.add(stopPhaseOf(definition.kind), child),
      })
      services.push(service)
      await service.start(AbortSignal.any([signal, stopping.signal]))
      return statusOf(service)
    },
    processes: () => services.filter(({ child }) => child() !== undefined).map(statusOf),
    kill() {
      stopping.abort()
      for (const { child } of services) child()?.signal('SIGKILL')
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await stopInPhases(services)
      await Promise.all(services.map(({ settled }) => settled()))
      await guardian[Symbol.asyncDispose]()
    },
  }
}

function statusOf({ definition, child, url, restarts }: KeptService): ProcessStatus {
  return {
    name: definition.spec.name,
    kind: definition.kind,
    pid: child()?.pid ?? 0,
    url: url(),
    isRunning: child()?.hasExited() === false,
    restarts: restarts(),
  }
}

async function stopInPhases(services: readonly KeptService[]): Promise<void> {
  const startedAt = performance.now()
  for (const [phase, { deadlineMs }] of STOP_PHASES.entries()) {
    const children = services
      .filter(({ definition }) => stopPhaseOf(definition.kind) === phase)
      .flatMap(({ child }) => child() ?? [])
    for (const child of children) child.signal('SIGTERM')
    const remainingMs = Math.max(0, deadlineMs - (performance.now() - startedAt))
    const kill = setTimeout(() => {
      for (const child of children) child.signal('SIGKILL')
    }, remainingMs)
    await Promise.all(children.map(({ exited }) => exited))
    clearTimeout(kill)
  }
}
