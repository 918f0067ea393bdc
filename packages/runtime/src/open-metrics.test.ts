import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { openMetricsText, wantsOpenMetrics } from './open-metrics.ts'

function aRegistry(): Registry {
  const registry = new Registry()
  const registers = [registry]
  const labelNames = ['vault']
  const parts = new Counter({ name: 'parts_total', help: 'Parts', labelNames, registers })
  parts.inc({ vault: 'a "b" \\' }, 2)
  new Gauge({ name: 'free', help: 'Free', registers }).set(Number.POSITIVE_INFINITY)
  const seconds = new Histogram<'phase' | 'job_id'>({
    ...{ name: 'seconds', help: 'Seconds', labelNames: ['phase'], buckets: [1, 2] },
    ...{ enableExemplars: true, registers: [] },
  })
  registry.registerMetric(seconds)
  seconds.observe({ labels: { phase: 'a' }, value: 1.5, exemplarLabels: { job_id: 'j1' } })
  return registry
}

describe('openMetricsText()', () => {
  it('writes what the format wants, with an exemplar in its bucket', async () => {
    const lines = (await openMetricsText(aRegistry())).split('\n')
    const exemplar = /^seconds_bucket\{le="2",phase="a"\} 1 # \{job_id="j1"\} 1\.5 \d{10}(\.\d+)?$/
    assert.equal(lines.filter((line) => exemplar.test(line)).length, 1, lines.join('\n'))
    assert.deepEqual(
      lines.filter((line) => !exemplar.test(line)),
      [
        '# HELP parts Parts',
        '# TYPE parts counter',
        'parts_total{vault="a \\"b\\" \\\\"} 2',
        '# HELP free Free',
        '# TYPE free gauge',
        'free +Inf',
        '# HELP seconds Seconds',
        '# TYPE seconds histogram',
        'seconds_bucket{le="1",phase="a"} 0',
        'seconds_bucket{le="+Inf",phase="a"} 1',
        'seconds_sum{phase="a"} 1.5',
        'seconds_count{phase="a"} 1',
        '# EOF',
        '',
      ],
    )
  })

  it('leaves the plain format as it was', async () => {
    const registry = aRegistry()
    const before = await registry.metrics()
    await openMetricsText(registry)
    assert.equal(await registry.metrics(), before)
    assert.match(before, /^parts_total\{/m)
  })
})

describe('wantsOpenMetrics()', () => {
  it('hears what Prometheus accepts', () => {
    const prometheus =
      'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.1'
    assert.equal(wantsOpenMetrics(prometheus), true)
    assert.equal(wantsOpenMetrics('text/plain, */*'), false)
    assert.equal(wantsOpenMetrics(undefined), false)
  })
})
