import { Counter, type Registry } from 'prom-client'

/** Counts the runs of this process that were given up because somebody else might have them. */
export function countLocksLost(registry: Registry): () => void {
  const locks = new Counter({
    name: 'firn_lock_lost_total',
    help: 'Runs that lost their lock, or could not be sure of it',
    registers: [registry],
  })
  return () => locks.inc()
}
