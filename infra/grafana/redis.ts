import type { Dashboard } from './panel.ts'
import { graph, OF_VAULT, stat, vaultVariable } from './panels.ts'

/** Redis, and the queues in it. */
export const redis: Dashboard = {
  uid: 'firn-redis',
  title: 'Firn: Redis and queues',
  description: 'What waits, and whether Redis can keep it',
  variables: [vaultVariable],
  rows: [
    {
      title: 'Redis',
      panels: [
        stat('Answers', 'short', 'max(firn_redis_up)', { description: '1 when it does' }),
        stat('Append-only file', 'short', 'min(firn_redis_aof_ok * firn_redis_aof_enabled)', {
          description: '1 when it is kept and the latest write and rewrite succeeded',
        }),
        stat('Clients', 'short', 'max(firn_redis_clients)', { description: 'Connections' }),
        stat('Replicas', 'short', 'max(firn_redis_replicas)', {
          description: 'Connected to the primary',
        }),
        graph(
          'Memory',
          'bytes',
          [
            { expr: 'max(firn_redis_memory_used_bytes)', legend: 'used' },
            { expr: 'max(firn_redis_memory_limit_bytes)', legend: 'limit' },
          ],
          {
            description:
              'Past 80 % the API accepts no job: noeviction refuses every write when it is full',
          },
        ),
        graph(
          'Commands',
          'ops',
          [{ expr: 'max(firn_redis_commands_per_second)', legend: 'commands' }],
          { description: 'One core of Redis carries some 25,000 cycles of queue jobs a second' },
        ),
      ],
    },
    {
      title: 'Queues',
      panels: [
        graph(
          'Parts',
          'short',
          [
            {
              expr: 'max by (state) (firn_queue_jobs{queue="parts"})',
              legend: '{{state}}',
            },
          ],
          {
            description:
              'waiting and active is what workers are scaled by; delayed will be repeated',
            isStacked: true,
          },
        ),
        graph(
          'Opening and finalizing',
          'short',
          [
            {
              expr: 'max by (queue, state) (firn_queue_jobs{queue!="parts"})',
              legend: '{{queue}} {{state}}',
            },
          ],
          { description: 'Other queue jobs', isStacked: true },
        ),
        graph(
          'Demand for workers',
          'short',
          [
            {
              expr: 'max(sum by (instance) (firn_queue_jobs{queue="parts", state=~"waiting|active"}))',
              legend: 'parts to do',
            },
            { expr: 'sum(firn_worker_slots)', legend: 'slots' },
          ],
          { description: 'Parts that workers could do at once, and the slots that there are' },
        ),
        graph(
          'Whose jobs wait',
          'short',
          [
            {
              expr: `sum by (vault) (max by (vault, state) (firn_unfinished_jobs{${OF_VAULT}, state!~"paused|held"}))`,
              legend: '{{vault}}',
            },
          ],
          {
            description:
              'Unfinished jobs of the chosen vaults; a queue cannot be asked for one vault',
            isStacked: true,
          },
        ),
        graph(
          'Event loops',
          's',
          [
            {
              expr: 'max by (job) (nodejs_eventloop_lag_p99_seconds{job=~"firn-.+"})',
              legend: '{{job}}',
            },
          ],
          { description: 'Delay of the slowest process of each kind, 99th percentile' },
        ),
      ],
    },
  ],
}
