import { Queue } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'
import { QUEUE_PREFIX, queueNames } from './queue-layout.ts'

/** BullMQ's own handles on every queue, for a page that shows them. */
export interface QueueViews extends AsyncDisposable {
  /** They could write; whoever shows them must not let anybody. */
  readonly queues: readonly Queue[]
}

/**
 * Handles on the queues, for reading. They add nothing to Redis, not even the settings that BullMQ
 * notes when a producer is made, open no connection and leave `redis` open when disposed.
 */
export function createQueueViews({ redis }: { readonly redis: Redis | Cluster }): QueueViews {
  const queues = queueNames.map((name) => {
    const queue = new Queue(name, {
      connection: redis,
      prefix: QUEUE_PREFIX,
      skipMetasUpdate: true,
      // Its INFO is sent once and not again: a queue made during an outage would stay dead.
      skipVersionCheck: true,
    })
    // An emitter needs one. The outage is told by whoever opened the connection.
    queue.on('error', () => {})
    return queue
  })
  return {
    queues,
    async [Symbol.asyncDispose]() {
      await Promise.all(queues.map((queue) => queue.close()))
    },
  }
}
