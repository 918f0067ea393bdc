import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { until } from '@firn/testing'

interface Service {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exitCode: () => Promise<unknown>
}

/** Runs a service whose `start` has this body; `timer` keeps it alive as a server would. */
function runService(body: string, env: NodeJS.ProcessEnv = {}): Service {
  const program = `
    import { runService } from '@firn/runtime'
    const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
    await runService({ name: 'test', env: process.env, drainMaxMs: 500 }, async ({ log, signal }) => {
      const timer = setInterval(() => undefined, 1000)
      ${body}
    })`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const exited = once(child, 'exit')
  return { child, output: () => output, exitCode: async () => (await exited)[0] }
}

async function whenLogged(service: Service, message: string): Promise<void> {
  await until(() => service.output().includes(`"msg":"${message}"`), { timeoutMs: 20_000 })
}

const drains = `return { async [Symbol.asyncDispose]() {
  await delay(100); clearInterval(timer); log.info('drained') } }`

describe('runService()', () => {
  for (const signalName of ['SIGTERM', 'SIGINT'] as const) {
    it(`drains and exits with 0 after ${signalName}, however often it comes`, async () => {
      const service = runService(drains)
      await whenLogged(service, 'ready')
      service.child.kill(signalName)
      await whenLogged(service, 'stopping')
      service.child.kill('SIGINT')
      service.child.kill('SIGTERM')
      assert.equal(await service.exitCode(), 0)
      assert.match(service.output(), /"msg":"drained"/)
    })
  }

  it('exits with 1 when the drain does not end', async () => {
    const service = runService(
      'return { [Symbol.asyncDispose]: () => new Promise(() => undefined) }',
    )
    await whenLogged(service, 'ready')
    service.child.kill('SIGTERM')
    assert.equal(await service.exitCode(), 1)
    assert.match(service.output(), /"msg":"drain took too long"/)
  })

  it('exits with 0 when something is left open by a drain that is over', async () => {
    const service = runService('return { async [Symbol.asyncDispose]() {} }')
    await whenLogged(service, 'ready')
    service.child.kill('SIGTERM')
    assert.equal(await service.exitCode(), 0)
    assert.match(service.output(), /"msg":"ended with something still open"/)
  })

  it('exits with 1 when the drain fails', async () => {
    const service = runService(`return { async [Symbol.asyncDispose]() {
      clearInterval(timer); throw new Error('cannot flush') } }`)
    await whenLogged(service, 'ready')
    service.child.kill('SIGTERM')
    assert.equal(await service.exitCode(), 1)
    assert.match(service.output(), /cannot flush/)
  })

  it('exits with 0 when it is stopped before it is ready', async () => {
    const service = runService(`log.info('starting')
      await new Promise((_, reject) => signal.addEventListener('abort', () => {
        clearInterval(timer); reject(signal.reason) }))
      ${drains}`)
    await whenLogged(service, 'starting')
    service.child.kill('SIGTERM')
    assert.equal(await service.exitCode(), 0)
  })

  it('dies of an error that nothing caught, and says so', async () => {
    for (const bug of ["throw new Error('a bug')", "void Promise.reject(new Error('a bug'))"]) {
      const service = runService(`setTimeout(() => { ${bug} }, 10); ${drains}`)
      assert.equal(await service.exitCode(), 1)
      assert.match(service.output(), /"level":"fatal".*a bug.*died of an error/)
    }
  })

  it('exits with 1 and a reason when it cannot start', async () => {
    const service = runService("clearInterval(timer); throw new Error('port is taken')")
    assert.equal(await service.exitCode(), 1)
    assert.match(service.output(), /"level":"fatal".*port is taken/)
  })

  it('refuses a log level that there is not', async () => {
    const service = runService(drains, { LOG_LEVEL: 'loud' })
    assert.equal(await service.exitCode(), 1)
    assert.match(service.output(), /LOG_LEVEL is \\"loud\\"/)
  })

  it('keeps secrets out of its log', async () => {
    const service = runService(`
      const headers = { authorization: 'Bearer hunter2' }
      log.info({ token: 'hunter2', headers, password: 'hunter2' }, 'logged')
      log.info({ err: new Error('at redis://me:hunter2@host') }, 'failed')
      ${drains}`)
    await whenLogged(service, 'failed')
    service.child.kill('SIGTERM')
    assert.equal(await service.exitCode(), 0)
    assert.doesNotMatch(service.output(), /hunter2/)
  })
})
