import type { Dashboard } from './panel.ts'
import { graph, increaseOf, OF_VAULT, stat, sumOfVaults, vaultVariable } from './panels.ts'

const LEFT = sumOfVaults('firn_unfinished_bytes', 'state="uploading"')
const rateOver = (range: string): string =>
  `sum(rate(firn_part_bytes_total{${OF_VAULT}}[${range}]))`
const endedInADay = (state: string): string =>
  `round(sum(${increaseOf(`firn_jobs_ended_total{${OF_VAULT}, state="${state}"}`, '1d')})) or vector(0)`

/** Is it healthy, how fast is it, how much is left, when will it be done? */
export const overview: Dashboard = {
  uid: 'firn-overview',
  title: 'Firn: overview',
  description: 'Is it healthy, how fast is it, how much is left, when will it be done?',
  variables: [vaultVariable],
  rows: [
    {
      title: 'Now, of the chosen vaults',
      panels: [
        stat('Speed', 'Bps', `${rateOver('5m')} or vector(0)`, {
          description: 'Bytes uploaded and recorded a second, over five minutes',
          width: 3,
        }),
        stat('Left to upload', 'bytes', LEFT, {
          description: 'Bytes of opened archives that are not uploaded; not what is paused or held',
          width: 3,
        }),
        stat('Not opened yet', 'short', sumOfVaults('firn_unfinished_jobs', 'state="queued"'), {
          description: 'Queued jobs: nobody has looked yet how many bytes they are',
          width: 3,
        }),
        stat('Done in', 's', `(${LEFT}) / on() (${rateOver('15m')} > 0) or on() ((${LEFT}) == 0)`, {
          description: 'What is left at the speed of the last quarter of an hour',
          width: 3,
        }),
        stat(
          'Oldest unfinished job',
          's',
          `max(firn_unfinished_age_seconds{${OF_VAULT}, state!~"paused|held"}) or on() 0 * max(firn_backlog_bytes)`,
          { description: 'Since it was accepted; not what is paused or held', width: 3 },
        ),
        stat(
          'Paused or held',
          'short',
          sumOfVaults('firn_unfinished_jobs', 'state=~"paused|held"'),
          { description: 'Jobs that wait for somebody to resume or release them', width: 3 },
        ),
        stat('Archived in a day', 'short', endedInADay('archived'), {
          description: 'Jobs that became an archive in the last 24 hours',
          width: 3,
        }),
        stat('Failed in a day', 'short', endedInADay('failed'), {
          description: 'Jobs that failed in the last 24 hours, tried again since or not',
          thresholds: { orange: 1, red: 10 },
          width: 3,
        }),
      ],
    },
    {
      title: 'Health',
      panels: [
        stat(
          'Alerts',
          'short',
          'count(ALERTS{alertname=~"Firn.+", alertstate="firing"}) or vector(0)',
          {
            description: 'Alerts of Firn that fire; docs/runbook.md says what to do',
            thresholds: { orange: 1, red: 3 },
            width: 3,
          },
        ),
        stat('APIs', 'short', 'count(up{job="firn-api"} == 1) or vector(0)', {
          description: 'Replicas that answer Prometheus',
          width: 3,
        }),
        stat('Workers', 'short', 'count(up{job="firn-worker"} == 1) or vector(0)', {
          description: 'Replicas that answer Prometheus',
          width: 3,
        }),
        stat('Finalizers', 'short', 'count(up{job="firn-finalizer"} == 1) or vector(0)', {
          description: 'Replicas that answer Prometheus',
          width: 3,
        }),
        stat('Redis', 'short', 'max(firn_redis_up)', {
          description: '1 when Redis answers',
          width: 3,
        }),
        stat(
          'Redis memory',
          'percentunit',
          'max(firn_redis_memory_used_bytes / firn_redis_memory_limit_bytes)',
          {
            description: 'Share of its limit, or of the memory of its machine without one',
            thresholds: { orange: 0.6, red: 0.7 },
            width: 3,
          },
        ),
        stat('Failed jobs', 'short', 'max(firn_jobs{state="failed"})', {
          description: 'Of all vaults: those that have failed and were not tried again',
          thresholds: { orange: 1, red: 10 },
          width: 3,
        }),
        stat('Orphaned uploads', 'short', 'max(firn_orphan_uploads)', {
          description:
            'Uploads that no job owns: within their grace, or such that cannot be aborted',
          thresholds: { orange: 1, red: 10 },
          width: 3,
        }),
      ],
    },
    {
      title: 'Work, of the chosen vaults',
      panels: [
        graph(
          'Speed by vault',
          'Bps',
          [
            {
              expr: `sum by (vault) (rate(firn_part_bytes_total{${OF_VAULT}}[$__rate_interval]))`,
              legend: '{{vault}}',
            },
          ],
          { description: 'Bytes uploaded and recorded a second, all workers', isStacked: true },
        ),
        graph(
          'Left to upload by vault',
          'bytes',
          [
            {
              expr: `max by (vault) (firn_unfinished_bytes{${OF_VAULT}, state="uploading"})`,
              legend: '{{vault}}',
            },
          ],
          { description: 'Bytes of opened archives that are not uploaded', isStacked: true },
        ),
        graph(
          'Jobs in progress',
          'short',
          [
            {
              expr: `sum by (state) (max by (vault, state) (firn_unfinished_jobs{${OF_VAULT}}))`,
              legend: '{{state}}',
            },
          ],
          { description: 'By state', isStacked: true },
        ),
        graph(
          'Jobs that ended',
          'short',
          [
            {
              expr: `sum by (state) (${increaseOf(`firn_jobs_ended_total{${OF_VAULT}}`, '$__rate_interval')})`,
              legend: '{{state}}',
            },
          ],
          { description: 'In each step of the graph', isStacked: true },
        ),
      ],
    },
    {
      title: 'All of Firn',
      panels: [
        graph('All jobs', 'short', [{ expr: 'max by (state) (firn_jobs)', legend: '{{state}}' }], {
          description: 'That Redis keeps, by state, of all vaults',
        }),
        graph('Left to upload', 'bytes', [{ expr: 'max(firn_backlog_bytes)', legend: 'left' }], {
          description: 'Bytes of opened archives that are not uploaded, of all vaults',
        }),
        graph(
          'Requests to the API',
          'reqps',
          [
            {
              expr: 'sum by (status) (rate(firn_http_request_duration_seconds_count{route=~"/v1/.*"}[$__rate_interval]))',
              legend: '{{status}}',
            },
          ],
          { description: 'By status', isStacked: true },
        ),
        graph(
          'Latency of the API',
          's',
          [0.5, 0.95, 0.99].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (le) (rate(firn_http_request_duration_seconds_bucket{route=~"/v1/.*"}[$__rate_interval])))`,
            legend: `p${quantile * 100}`,
            hasExamples: true,
          })),
          {
            description:
              'From the head of a request to the end of its answer; no streams. Examples name the request_id of the log',
          },
        ),
      ],
    },
  ],
}
