import type { Dashboard } from './panel.ts'
import { graph, OF_VAULT, quantiles, vaultVariable } from './panels.ts'

const WHERE = 'instance=~"$instance"'

/** What each worker does. */
export const workers: Dashboard = {
  uid: 'firn-workers',
  title: 'Firn: workers',
  description: 'What each worker does, and what it costs',
  variables: [
    {
      name: 'instance',
      label: 'Worker',
      query: 'label_values(firn_worker_slots, instance)',
    },
    vaultVariable,
  ],
  rows: [
    {
      title: 'Work',
      panels: [
        graph(
          'Speed by worker',
          'Bps',
          [
            {
              expr: `sum by (instance) (rate(firn_part_bytes_total{${WHERE}, ${OF_VAULT}}[$__rate_interval]))`,
              legend: '{{instance}}',
            },
          ],
          {
            description: 'Bytes of the chosen vaults uploaded and recorded a second',
            isStacked: true,
          },
        ),
        graph(
          'Slots',
          'short',
          [{ expr: `sum by (state) (firn_worker_slots{${WHERE}})`, legend: '{{state}}' }],
          {
            description:
              'Parts in flight, and room for more; all busy means that more workers help',
            isStacked: true,
          },
        ),
        graph(
          'Runs of parts by outcome',
          'ops',
          [
            {
              expr: `sum by (outcome) (rate(firn_parts_total{${WHERE}, ${OF_VAULT}}[$__rate_interval]))`,
              legend: '{{outcome}}',
            },
          ],
          {
            description:
              'Of the chosen vaults. uploaded; skipped: there was nothing to do; stopped: the job was paused or cancelled; failed: will be repeated',
            isStacked: true,
          },
        ),
        graph(
          'Locks lost',
          'short',
          [
            {
              expr: `sum by (instance) (increase(firn_lock_lost_total{job="firn-worker", ${WHERE}}[$__rate_interval]))`,
              legend: '{{instance}}',
            },
          ],
          { description: 'Runs that were given up because another worker might have them' },
        ),
      ],
    },
    {
      title: 'Time of a part',
      panels: [
        graph(
          'Where the time of a part goes',
          's',
          [
            {
              expr: `sum by (phase) (rate(firn_part_duration_seconds_sum{${WHERE}}[$__rate_interval])) / sum by (phase) (rate(firn_part_duration_seconds_count{${WHERE}}[$__rate_interval]))`,
              legend: '{{phase}}',
            },
          ],
          { description: 'Mean of each phase', isStacked: true },
        ),
        graph(
          'Phases',
          's',
          quantiles('firn_part_duration_seconds', 'phase', { hasExamples: true }),
          {
            description: 'Over all workers and vaults. Examples name the job_id of the log',
          },
        ),
      ],
    },
    {
      title: 'Processes',
      panels: [
        graph(
          'CPU',
          'short',
          [
            {
              expr: `rate(process_cpu_seconds_total{job="firn-worker", ${WHERE}}[$__rate_interval])`,
              legend: '{{instance}}',
            },
          ],
          { description: 'Cores in use' },
        ),
        graph(
          'Memory',
          'bytes',
          [
            {
              expr: `process_resident_memory_bytes{job="firn-worker", ${WHERE}}`,
              legend: '{{instance}}',
            },
          ],
          { description: 'Resident; at most WORKER_MEMORY_BYTES and about 150 MiB' },
        ),
        graph(
          'Event loop',
          's',
          [
            {
              expr: `nodejs_eventloop_lag_p99_seconds{job="firn-worker", ${WHERE}}`,
              legend: '{{instance}}',
            },
          ],
          { description: 'Delay of the event loop, 99th percentile; locks are renewed on it' },
        ),
      ],
    },
  ],
}
