import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from './child-process.ts'
import type { StackOutput } from './output.ts'
import { describeExit, type ServiceDefinition, startService } from './service.ts'

const RESTART_BASE_MS = 250
const RESTART_CAP_MS = 15_000
/** A process that lived this long starts again as if it had never failed. */
const STABLE_MS = 30_000

/** A service that is started again when it ends by itself. */
export interface KeptService {
  readonly definition: ServiceDefinition
  /** The process of this moment, or the last one; undefined before the first. */
  readonly child: () => Child | undefined
  readonly url: () => string | null
  readonly restarts: () => number
  /** Starts it for the first time and waits until it is ready. */
  readonly start: (signal: AbortSignal) => Promise<void>
  /** Resolves when nothing will start it again. */
  readonly settled: () => Promise<void>
}

/**
 * @param options.stopping when it aborts, an end is what was asked for, and nothing starts again.
 */
export function createKeptService(options: {
  readonly definition: ServiceDefinition
  readonly output: StackOutput
  readonly restart: boolean
  /** The longest wait before a service is started again; default 15,000. */
  readonly restartDelayMaxMs?: number
  readonly stopping: AbortSignal
  readonly onSpawn: (child: Child) => void
}): KeptService {
  const { definition, output, stopping, restartDelayMaxMs = RESTART_CAP_MS } = options
  const { name } = definition.spec
  let child: Child | undefined
  let url: string | null = null
  let restarts = 0
  let settled: Promise<void> = Promise.resolve()

  const launch = async (signal: AbortSignal): Promise<void> => {
    const onSpawn = (spawned: Child): void => {
      child = spawned
      options.onSpawn(spawned)
    }
    const running = await startService(
      { definition: withPort(definition, url), output, onSpawn },
      signal,
    )
    url = running.url
  }

  const startAgain = async (delayMs: number): Promise<void> => {
    try {
      await sleep(delayMs, undefined, { signal: stopping })
      restarts += 1
      await launch(stopping)
      output.write(name, `${name} was started again`)
    } catch (error) {
      if (!stopping.aborted) output.write(name, error instanceof Error ? error.message : `${error}`)
    }
  }

  const keepUp = async (): Promise<void> => {
    let failures = 0
    while (child !== undefined) {
      const startedAt = performance.now()
      const exit = await child.exited
      if (stopping.aborted) return
      output.write(name, `${name} ended (${describeExit(exit)})`)
      if (!options.restart) return
      if (performance.now() - startedAt > STABLE_MS) failures = 0
      await startAgain(Math.min(restartDelayMaxMs, RESTART_BASE_MS * 2 ** failures))
      failures += 1
    }
  }

  return {
    definition,
    child: () => child,
    url: () => url,
    restarts: () => restarts,
    async start(signal) {
      await launch(signal)
      settled = keepUp()
    },
    settled: () => settled,
  }
}

/** A service that is started again keeps the port that others know. */
function withPort(definition: ServiceDefinition, url: string | null): ServiceDefinition {
  const { portVariable, spec } = definition
  if (portVariable === null || url === null) return definition
  const env = { ...spec.env, [portVariable]: new URL(url).port }
  return { ...definition, spec: { ...spec, env } }
}
