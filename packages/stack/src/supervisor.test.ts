import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { StackOutput } from './output.ts'
import { isRunning } from './process-table.ts'
import type { ServiceDefinition } from './service.ts'
import type { ServiceKind } from './stop-phases.ts'
import { openSupervisor, type ProcessStatus } from './supervisor.ts'

const never = new AbortController().signal

/** A real process with a real HTTP server that says what it was asked for on the way out. */
const PROGRAM = `
const { createServer } = require('node:http')
if (process.env.DIES) { console.log('out of luck'); process.exit(3) }
const server = createServer((_, res) => res.end('ok')).listen(Number(process.env.PORT), '127.0.0.1', () => {
  const { address, port } = server.address()
  console.log(JSON.stringify({ msg: 'listening', address, port }))
})
process.on('SIGTERM', () => { console.log('told to stop'); server.close() })
`

function define(name: string, kind: ServiceKind, env: Record<string, string> = {}) {
  return {
    kind,
    portVariable: 'PORT',
    spec: {
      name,
      command: process.execPath,
      args: ['-e', PROGRAM],
      env: { PORT: '0', ...env },
      cwd: '/',
    },
  } satisfies ServiceDefinition
}

function recordOutput(): StackOutput & { readonly lines: string[] } {
  const lines: string[] = []
  return {
    lines,
    write: (name, line) => lines.push(`${name}: ${line}`),
    fileOf: (name) => `${name}.log`,
    async [Symbol.asyncDispose]() {},
  }
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, `still not true: ${what}`)
    await sleep(10)
  }
}

describe('openSupervisor()', () => {
  it('stops the API, then the workers, then the vault, then Redis, and leaves none behind', async () => {
    const output = recordOutput()
    let processes: readonly ProcessStatus[]
    {
      await using supervisor = await openSupervisor({ output, restart: false })
      for (const kind of ['redis', 'vault', 'worker', 'api'] as const) {
        await supervisor.start(define(kind, kind), never)
      }
      processes = supervisor.processes()
      assert.equal(processes.filter(({ isRunning }) => isRunning).length, 4)
    }
    const stops = output.lines.filter((line) => line.endsWith('told to stop'))
    assert.deepEqual(
      stops.map((line) => line.split(':')[0]),
      ['api', 'worker', 'vault', 'redis'],
    )
    for (const { pid, name } of processes) assert.equal(isRunning(pid), false, name)
  })

  it('starts a killed process again on the port that it had', async () => {
    await using supervisor = await openSupervisor({ output: recordOutput(), restart: true })
    const first = await supervisor.start(define('worker-1', 'worker'), never)
    process.kill(first.pid, 'SIGKILL')
    await until(() => supervisor.processes()[0]?.restarts === 1, 'it was started again')
    await until(() => supervisor.processes()[0]?.isRunning === true, 'it runs')
    const again = supervisor.processes()[0]
    assert.notEqual(again?.pid, first.pid)
    assert.equal(again?.url, first.url)
    await until(() => isRunning(again?.pid ?? 0), 'it is alive')
  })

  it('leaves a killed process dead when it was told not to restart', async () => {
    const output = recordOutput()
    await using supervisor = await openSupervisor({ output, restart: false })
    const { pid } = await supervisor.start(define('worker-1', 'worker'), never)
    process.kill(pid, 'SIGKILL')
    await until(() => output.lines.includes('worker-1: worker-1 ended (SIGKILL)'), 'it told')
    assert.equal(supervisor.processes()[0]?.isRunning, false)
  })

  it('says how a process ended that was never ready, with its last lines', async () => {
    await using supervisor = await openSupervisor({ output: recordOutput(), restart: true })
    await assert.rejects(
      supervisor.start(define('api', 'api', { DIES: 'yes' }), never),
      (error) => {
        assert.ok(error instanceof Error && error.cause instanceof Error)
        assert.match(error.message, /Cannot start api, whose log is api\.log:\nout of luck/)
        assert.match(error.cause.message, /exit code 3/)
        return true
      },
    )
  })

  it('has its processes stopped by the guardian when it is killed itself', async () => {
    const owner = spawn(process.execPath, ['--input-type=module', '-e', OWNER], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PROGRAM, SUPERVISOR: import.meta.resolve('./supervisor.ts') },
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    })
    const [chunk]: unknown[] = await once(owner.stdout, 'data')
    const pids = String(chunk).trim().split(' ').map(Number)
    assert.equal(pids.length, 2)
    assert.ok(pids.every(isRunning))
    owner.kill('SIGKILL')
    await until(() => !pids.some(isRunning), 'the processes are gone')
  })
})

const OWNER = `
const { openSupervisor } = await import(process.env.SUPERVISOR)
const output = { write() {}, fileOf: () => null, async [Symbol.asyncDispose]() {} }
const supervisor = await openSupervisor({ output, restart: true })
const pids = []
for (const kind of ['worker', 'redis']) {
  const spec = { name: kind, command: process.execPath, args: ['-e', process.env.PROGRAM], env: { PORT: '0' }, cwd: '/' }
  const { pid } = await supervisor.start({ kind, portVariable: 'PORT', spec }, new AbortController().signal)
  pids.push(pid)
}
console.log(pids.join(' '))
`
