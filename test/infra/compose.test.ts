import assert from 'node:assert/strict'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createApiClient, writeInputFile } from '@firn/stack'
import { until } from '@firn/testing'
import { z } from 'zod'
import { type ComposeProject, openComposeProject, whyNoCompose } from './compose-project.ts'
import { freePorts } from './free-ports.ts'
import { createPrometheusClient } from './query-prometheus.ts'

const VAULT = 'compose'
const MIB = 1024 ** 2
const WAIT_MAX_MS = 180_000
const FIRN_SERVICES = ['api', 'worker', 'finalizer', 'vault']
/** Writes where nothing may be written, says as whom, and fails if it could. */
const TRY_WRITING = `
  const { writeFileSync } = require('node:fs')
  let code = 'written'
  try { writeFileSync('/firn/x', '') } catch (error) { code = error.code }
  console.log(process.getuid(), code)`

const reason = await whyNoCompose()

describe('docker-compose.yml', { skip: reason ?? false, timeout: 10 * 60_000 }, () => {
  let project: ComposeProject
  const api = () => createApiClient({ url: project.apiUrl, token: project.apiToken })

  before(async () => {
    const [apiPort = 0, vaultPort = 0, prometheusPort = 0] = await freePorts(3)
    project = await openComposeProject({
      api: apiPort,
      vault: vaultPort,
      prometheus: prometheusPort,
    })
    await project.up()
    await untilReady()
    await api().createVault(VAULT, AbortSignal.timeout(WAIT_MAX_MS))
  })

  after(async () => {
    await project?.[Symbol.asyncDispose]()
  })

  async function untilReady(): Promise<void> {
    const isReady = async () => {
      const answer = await fetch(`${project.apiUrl}/readyz`).catch(() => undefined)
      return answer?.ok === true
    }
    await until(isReady, { timeoutMs: WAIT_MAX_MS })
  }

  async function submit(name: string, sizeBytes: number): Promise<string> {
    const signal = AbortSignal.timeout(WAIT_MAX_MS)
    const file = join(project.sources, name)
    await writeInputFile({ file, sizeBytes, seed: name }, signal)
    await chmod(file, 0o644)
    const source = { type: 'file', path: `/sources/${name}` } as const
    const { id } = await api().createJob({ vault: VAULT, source, partSize: MIB }, signal)
    return id
  }

  async function untilArchived(id: string) {
    const signal = AbortSignal.timeout(WAIT_MAX_MS)
    let last = await api().getJob(id, signal)
    for await (const view of api().watchJob(id, signal)) last = view
    assert.equal(last.state, 'archived', JSON.stringify(last.error))
    return last
  }

  const archive = async (name: string, sizeBytes: number) =>
    untilArchived(await submit(name, sizeBytes))

  it('archives a file', async () => {
    const job = await archive('one.bin', 5 * MIB + 1)
    assert.deepEqual(job.parts, { total: 6, uploaded: 6 })
  })

  it('runs every process of Firn unprivileged over a file system that cannot be written', async () => {
    for (const service of FIRN_SERVICES) {
      const [container] = await project.inspect(service)
      assert.equal(container?.Config.User, '10001:10001', service)
      assert.equal(container.HostConfig.ReadonlyRootfs, true, service)
      assert.deepEqual(container.HostConfig.CapDrop, ['ALL'], service)
      assert.deepEqual(container.HostConfig.SecurityOpt, ['no-new-privileges:true'], service)
      const said = await project.run('exec', '-T', service, 'node', '-e', TRY_WRITING)
      assert.equal(said.trim(), '10001 EROFS', service)
    }
  })

  it('lets workers that were added take parts', async () => {
    await project.up('--scale', 'worker=3')
    assert.equal((await project.inspect('worker')).length, 3)
    const hosts = async (): Promise<number> => {
      const job = await archive('many.bin', 200 * MIB)
      const response = await fetch(`${project.apiUrl}/v1/jobs/${job.id}/parts?limit=1000`, {
        headers: { authorization: `Bearer ${project.apiToken}` },
      })
      const Parts = z.object({ items: z.array(z.object({ worker: z.string() })) })
      const { items } = Parts.parse(await response.json())
      return new Set(items.map(({ worker }) => worker)).size
    }
    // The newest worker may still be starting while the first archive is made.
    await until(async () => (await hosts()) === 3, { timeoutMs: WAIT_MAX_MS })
  })

  it('shows every replica to Prometheus', async () => {
    const prometheus = createPrometheusClient(project.prometheusUrl)
    const counts = async () => {
      const up = await prometheus.query('up == 1')
      return FIRN_SERVICES.map(
        (job) => up.filter(({ metric }) => metric.job === `firn-${job}`).length,
      )
    }
    await until(async () => (await counts()).join() === '1,3,1,1', { timeoutMs: WAIT_MAX_MS })
    assert.deepEqual(await counts(), [1, 3, 1, 1])
    const isEvaluated = async (): Promise<boolean> => {
      const health = [...(await prometheus.ruleHealth()).values()]
      return health.length > 20 && health.every((one) => one === 'ok')
    }
    await until(isEvaluated, { timeoutMs: WAIT_MAX_MS })
  })

  it('goes on with an upload while every worker and the finalizer are restarted', async () => {
    const id = await submit('restarted.bin', 400 * MIB)
    const isUnderWay = async () => {
      const { parts } = await api().getJob(id, AbortSignal.timeout(WAIT_MAX_MS))
      return parts.uploaded > 20
    }
    await until(isUnderWay, { timeoutMs: WAIT_MAX_MS })
    await project.run('restart', '--timeout', '60', 'worker', 'finalizer')
    for (const { State } of await project.inspect('worker')) assert.equal(State.OOMKilled, false)
    const job = await untilArchived(id)
    assert.deepEqual(job.parts, { total: 400, uploaded: 400 })
  })

  it('stops every process by SIGTERM alone and keeps jobs and archives for the next start', async () => {
    const job = await archive('kept.bin', MIB)
    await project.run('stop', '--timeout', '60')
    for (const service of [...FIRN_SERVICES, 'redis']) {
      for (const { State } of await project.inspect(service))
        assert.equal(State.ExitCode, 0, service)
    }
    await project.run('down')
    await project.up()
    await untilReady()
    const found = await api().getJob(job.id, AbortSignal.timeout(WAIT_MAX_MS))
    assert.equal(found.archiveId, job.archiveId)
    const again = await archive('again.bin', MIB)
    assert.notEqual(again.archiveId, job.archiveId)
  })
})
