import type { Registry } from 'prom-client'
import { z } from 'zod'

/** An example of what fell into a bucket; what the library hands out beside its own types. */
const Exemplar = z.object({
  labelSet: z.record(z.string(), z.string()),
  value: z.number(),
  /** Unix time in seconds. */
  timestamp: z.number(),
})

type Family = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number]
type Sample = Family['values'][number]

export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** Whether a scraper asks for OpenMetrics, as Prometheus does; only that format has exemplars. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes('application/openmetrics-text') === true
}

/**
 * The metrics in the OpenMetrics format. The library's own text of it renames counters in the
 * registry itself, after which the plain format, and whoever asks for it, has lost them.
 */
export async function openMetricsText(registry: Registry): Promise<string> {
  const families = await registry.getMetricsAsJSON()
  return `${families.map(familyText).join('')}# EOF\n`
}

function familyText(family: Family): string {
  // Samples are called `x_total`, the family of counters is called `x`.
  const name = family.name.replace(/_total$/, '')
  const head = `# HELP ${name} ${escapeText(family.help)}\n# TYPE ${name} ${family.type}\n`
  return head + family.values.map((sample) => sampleText(family.name, sample)).join('')
}

function sampleText(familyName: string, sample: Sample): string {
  const { metricName } = 'metricName' in sample ? sample : { metricName: undefined }
  const name = typeof metricName === 'string' ? metricName : familyName
  const found = Exemplar.safeParse('exemplar' in sample ? sample.exemplar : undefined)
  const example = found.success
    ? ` # {${labelsText(found.data.labelSet)}} ${found.data.value} ${found.data.timestamp}`
    : ''
  const labels = labelsText(sample.labels)
  return `${name}${labels === '' ? '' : `{${labels}}`} ${numberText(sample.value)}${example}\n`
}

function labelsText(labels: Sample['labels']): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeText(String(value))}"`)
    .join(',')
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}
