import { collectDefaultMetrics, Registry } from 'prom-client'

/** A registry of its own, with Node's own metrics: memory, CPU, garbage collection, loop lag. */
export function createMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
