import type { Dashboard } from './panel.ts'
import { graph, OF_VAULT, quantiles, stat, vaultVariable } from './panels.ts'

const requests = (more = ''): string => `firn_glacier_requests_total{${OF_VAULT}${more}}`
/** Share of the requests of the chosen vaults; 0 when none was such. */
const share = (more: string): string =>
  `(sum(rate(${requests(more)}[5m])) or vector(0)) / (sum(rate(${requests()}[5m])) > 0)`

/** How Glacier, or the vault, answers. */
export const glacier: Dashboard = {
  uid: 'firn-glacier',
  title: 'Firn: Glacier',
  description: 'Requests, errors, throttles and latency, as Firn sees them; the vault below',
  variables: [vaultVariable],
  rows: [
    {
      title: 'Now, of the chosen vaults',
      panels: [
        stat('Requests', 'reqps', `sum(rate(${requests()}[5m]))`, {
          description: 'Over five minutes',
        }),
        stat('Throttled', 'percentunit', share(', outcome="GLACIER_THROTTLED"'), {
          description: 'Share of the requests that Glacier asked to send later',
          thresholds: { orange: 0.05, red: 0.2 },
        }),
        stat('Failed', 'percentunit', share(', outcome!~"ok|aborted|GLACIER_THROTTLED"'), {
          description: 'Share of the requests with another error',
          thresholds: { orange: 0.05, red: 0.2 },
        }),
        stat('Longest idle upload', 's', 'max(firn_upload_idle_seconds) or vector(0)', {
          description: 'Of all vaults. Glacier may forget an upload after 24 h without a part',
          thresholds: { orange: 12 * 3600, red: 20 * 3600 },
        }),
        stat('Orphaned uploads', 'short', 'max(firn_orphan_uploads)', {
          description:
            'Of all vaults: uploads that no job owns, within their grace or such that cannot be aborted',
          thresholds: { orange: 1, red: 10 },
        }),
      ],
    },
    {
      title: 'Requests',
      panels: [
        graph(
          'Requests by vault',
          'reqps',
          [
            {
              expr: `sum by (vault) (rate(${requests()}[$__rate_interval]))`,
              legend: '{{vault}}',
            },
          ],
          { description: 'Of the chosen vaults', isStacked: true },
        ),
        graph(
          'Requests that did not succeed by vault',
          'reqps',
          [
            {
              expr: `sum by (vault) (rate(${requests(', outcome!="ok"')}[$__rate_interval]))`,
              legend: '{{vault}}',
            },
          ],
          { description: 'Of the chosen vaults', isStacked: true },
        ),
        graph(
          'Requests by operation',
          'reqps',
          [
            {
              expr: `sum by (operation) (rate(${requests()}[$__rate_interval]))`,
              legend: '{{operation}}',
            },
          ],
          {
            description: 'Of the chosen vaults; All has those that concern no single vault, too',
            isStacked: true,
          },
        ),
        graph(
          'Requests that did not succeed',
          'reqps',
          [
            {
              expr: `sum by (operation, outcome) (rate(${requests(', outcome!="ok"')}[$__rate_interval]))`,
              legend: '{{operation}} {{outcome}}',
            },
          ],
          { description: 'Of the chosen vaults, by operation and error', isStacked: true },
        ),
        graph(
          'Latency of UploadMultipartPart',
          's',
          [0.5, 0.95, 0.99].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (le) (rate(firn_glacier_request_duration_seconds_bucket{operation="UploadMultipartPart"}[$__rate_interval])))`,
            legend: `p${quantile * 100}`,
          })),
          { description: 'Of all vaults, with sending the part' },
        ),
        graph(
          'Latency of all operations',
          's',
          quantiles('firn_glacier_request_duration_seconds', 'operation'),
          { description: 'Of all vaults, until the answer is read' },
        ),
      ],
    },
    {
      title: 'The vault (empty with Amazon)',
      panels: [
        graph(
          'Requests',
          'reqps',
          [
            {
              expr: 'sum by (operation, outcome) (rate(firn_vault_requests_total[$__rate_interval]))',
              legend: '{{operation}} {{outcome}}',
            },
          ],
          { description: 'As the vault counts them' },
        ),
        graph(
          'Received',
          'Bps',
          [
            {
              expr: 'sum(rate(firn_vault_received_bytes_total[$__rate_interval]))',
              legend: 'received',
            },
          ],
          { description: 'Bytes of archives and parts, kept or not' },
        ),
        graph(
          'Requests in flight',
          'short',
          [{ expr: 'sum(firn_vault_requests_in_flight)', legend: 'in flight' }],
          { description: 'Not answered yet' },
        ),
        graph(
          'Free disk',
          'percentunit',
          [
            {
              expr: 'min by (volume) (firn_disk_free_bytes / firn_disk_size_bytes)',
              legend: '{{volume}}',
            },
          ],
          { description: 'Of the vault and of the journal' },
        ),
      ],
    },
  ],
}
