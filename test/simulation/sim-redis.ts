import { createMemoryJobStore, type MemoryJobStore } from '@firn/store'
import { createQueueModel, type QueueModel } from './sim-queue.ts'

/** The one Redis that holds the job store and the queues: what it loses, it loses of both. */
export interface RedisModel {
  readonly store: () => MemoryJobStore
  readonly queues: QueueModel
  /** What is there reaches the disk, or the replica. */
  readonly persist: () => void
  /** A power cut, or a failover: back to what had reached the disk, or the replica. */
  readonly rollBack: () => void
  readonly wipe: () => void
}

export function createRedisModel(options: { readonly partAttempts: number }): RedisModel {
  const queues = createQueueModel(options)
  let store = createMemoryJobStore()
  let persisted = { store: store.copy(), queues: queues.image() }
  return {
    store: () => store,
    queues,
    persist() {
      persisted = { store: store.copy(), queues: queues.image() }
    },
    rollBack() {
      store = persisted.store.copy()
      queues.restore(persisted.queues)
    },
    wipe() {
      store = createMemoryJobStore()
      queues.restore([])
    },
  }
}
