import type { Dashboard } from './panel.ts'
import { graph, stat } from './panels.ts'

const BYTES_PER_SECOND = 'sum(rate(firn_part_bytes_total[$__rate_interval]))'

/** Is it healthy, how fast is it, how much is left, when will it be done? */
export const overview: Dashboard = {
  uid: 'firn-overview',
  title: 'Firn: overview',
  description: 'Is it healthy, how fast is it, how much is left, when will it be done?',
  variables: [],
  rows: [
    {
      title: 'Now',
      panels: [
        stat(
          'Alerts',
          'short',
          'count(ALERTS{alertname=~"Firn.+", alertstate="firing"}) or vector(0)',
          {
            description: 'Alerts of Firn that fire; docs/runbook.md says what to do',
            thresholds: { orange: 1, red: 3 },
          },
        ),
        stat('Speed', 'Bps', 'sum(rate(firn_part_bytes_total[5m])) or vector(0)', {
          description: 'Bytes uploaded and recorded a second, over five minutes',
        }),
        stat('Left to upload', 'bytes', 'max(firn_backlog_bytes)', {
          description: 'Bytes of opened archives that are not uploaded; not those of paused jobs',
        }),
        stat(
          'Done in',
          's',
          'max(firn_backlog_bytes) / on() (sum(rate(firn_part_bytes_total[15m])) > 0) or on() (max(firn_backlog_bytes) == 0)',
          { description: 'At the speed of the last quarter of an hour' },
        ),
        stat('Oldest unfinished job', 's', 'max(firn_oldest_unfinished_job_age_seconds)', {
          description: 'Since it was accepted',
        }),
        stat('Failed jobs', 'short', 'max(firn_jobs{state="failed"})', {
          description: 'All that have failed and were not tried again',
          thresholds: { orange: 1, red: 10 },
        }),
      ],
    },
    {
      title: 'Health',
      panels: [
        stat('APIs', 'short', 'count(up{job="firn-api"} == 1) or vector(0)', {
          description: 'Replicas that answer Prometheus',
        }),
        stat('Workers', 'short', 'count(up{job="firn-worker"} == 1) or vector(0)', {
          description: 'Replicas that answer Prometheus',
        }),
        stat('Finalizers', 'short', 'count(up{job="firn-finalizer"} == 1) or vector(0)', {
          description: 'Replicas that answer Prometheus',
        }),
        stat('Redis', 'short', 'max(firn_redis_up)', { description: '1 when Redis answers' }),
        stat(
          'Redis memory',
          'percentunit',
          'max(firn_redis_memory_used_bytes / firn_redis_memory_limit_bytes)',
          {
            description: 'Share of its limit, or of the memory of its machine without one',
            thresholds: { orange: 0.6, red: 0.7 },
          },
        ),
        stat('Orphaned uploads', 'short', 'max(firn_orphan_uploads)', {
          description: 'Multipart uploads that no job owns and that are still within their grace',
          thresholds: { orange: 1, red: 10 },
        }),
      ],
    },
    {
      title: 'Work',
      panels: [
        graph('Speed', 'Bps', [{ expr: BYTES_PER_SECOND, legend: 'uploaded' }], {
          description: 'Bytes uploaded and recorded a second, all workers together',
        }),
        graph('Left to upload', 'bytes', [{ expr: 'max(firn_backlog_bytes)', legend: 'left' }], {
          description: 'Bytes of opened archives that are not uploaded',
        }),
        graph(
          'Jobs in progress',
          'short',
          [
            {
              expr: 'max by (state) (firn_jobs{state!~"archived|failed|cancelled"})',
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
              expr: 'max by (state) (firn_jobs{state=~"archived|failed|cancelled"})',
              legend: '{{state}}',
            },
          ],
          { description: 'All since Redis began to keep them' },
        ),
      ],
    },
    {
      title: 'API',
      panels: [
        graph(
          'Requests',
          'reqps',
          [
            {
              expr: 'sum by (status) (rate(firn_http_request_duration_seconds_count{route=~"/v1/.*"}[$__rate_interval]))',
              legend: '{{status}}',
            },
          ],
          { description: 'Calls of the API by status', isStacked: true },
        ),
        graph(
          'Latency',
          's',
          [0.5, 0.95, 0.99].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (le) (rate(firn_http_request_duration_seconds_bucket{route=~"/v1/.*"}[$__rate_interval])))`,
            legend: `p${quantile * 100}`,
          })),
          { description: 'From the head of a request to the end of its answer; no streams' },
        ),
      ],
    },
  ],
}
