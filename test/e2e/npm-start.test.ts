import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApiClient, isRunning, neutralVariables } from '@firn/stack'
import { openScratch, type Scratch } from './test-stack.ts'

const READY_MAX_MS = 120_000
/** What the design promises for a stop, and then some for a busy machine. */
const GONE_MAX_MS = 60_000

interface RunningStart extends AsyncDisposable {
  readonly launcher: ChildProcess
  readonly output: () => string
  /** Every process of the stack, the one that supervises first. */
  readonly pids: () => readonly number[]
  readonly untilReady: () => Promise<{ readonly url: string; readonly token: string }>
  readonly untilExit: () => Promise<{ readonly code: unknown; readonly signal: unknown }>
}

/** `npm start` without npm: the same launcher, on free ports, over the scratch directory. */
function openStart(scratch: Scratch, env: Readonly<Record<string, string>> = {}): RunningStart {
  const dataDir = join(scratch.path, 'data')
  const launcher = spawn(
    process.execPath,
    ['infra/bootstrap/run.mjs', '--redis=own-or-url', 'packages/stack/src/start.ts'],
    {
      env: {
        ...neutralVariables(process.env),
        FIRN_DATA_DIR: dataDir,
        FIRN_WORKERS: '1',
        API_PORT: '0',
        VAULT_PORT: '0',
        SOURCE_ROOTS: join(scratch.path, 'files'),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  for (const stream of [launcher.stdout, launcher.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk)
    })
  }
  const exited = once(launcher, 'exit')
  const pids = (): readonly number[] => {
    const [supervisor] = childrenOf(launcher.pid ?? 0)
    return supervisor === undefined ? [] : [supervisor, ...childrenOf(supervisor)]
  }
  return {
    launcher,
    output: () => output,
    pids,
    async untilReady() {
      await until(
        READY_MAX_MS,
        () => output.includes('Ctrl-C stops everything'),
        () => output,
      )
      const url = / api +(http:\S+)/.exec(output)?.[1]
      const token = / token +(\S+)/.exec(output)?.[1]
      assert.ok(url && token, output)
      return { url, token }
    },
    async untilExit() {
      const [code, signal]: unknown[] = await exited
      return { code, signal }
    },
    async [Symbol.asyncDispose]() {
      const left = [launcher.pid ?? 0, ...pids()].filter((pid) => pid > 0 && isRunning(pid))
      for (const pid of left) process.kill(pid, 'SIGKILL')
      await exited
    },
  }
}

function childrenOf(pid: number): readonly number[] {
  // A minimal Linux has no ps, and everything else has no /proc.
  const list = `/proc/${pid}/task/${pid}/children`
  if (existsSync('/proc/self')) {
    return existsSync(list) ? (readFileSync(list, 'utf8').match(/\d+/g) ?? []).map(Number) : []
  }
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  return table.split('\n').flatMap((line) => {
    const [child, parent] = line.trim().split(/\s+/).map(Number)
    return parent === pid && child !== undefined ? [child] : []
  })
}

async function until(
  limitMs: number,
  isTrue: () => boolean,
  describeState: () => string,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, describeState())
    await sleep(50)
  }
}

async function untilGone(pids: readonly number[]): Promise<void> {
  await until(
    GONE_MAX_MS,
    () => !pids.some(isRunning),
    () => `left: ${pids.filter(isRunning)}`,
  )
}

describe('npm start', () => {
  it('ends with 0 at Ctrl-C, leaves no process, and has its archives after the next start', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('input.bin', 1_000_000)
    const signal = AbortSignal.timeout(120_000)
    let jobId: string
    let archiveId: string | null = null
    {
      await using start = openStart(scratch)
      const api = createApiClient(await start.untilReady())
      const source = { type: 'file', path: file } as const
      jobId = (await api.createJob({ vault: 'archive', source }, signal)).id
      for await (const job of api.watchJob(jobId, signal)) archiveId = job.archiveId
      assert.ok(archiveId)
      const pids = start.pids()
      assert.ok(pids.length >= 7, `supervisor, guardian and five services: ${pids}`)
      start.launcher.kill('SIGINT')
      assert.deepEqual(await start.untilExit(), { code: 0, signal: null })
      await untilGone(pids)
      assert.equal(start.output().match(/^Stopping/gm)?.length, 1, 'the signal came once')
    }
    await using again = openStart(scratch)
    const api = createApiClient(await again.untilReady())
    const job = await api.getJob(jobId, signal)
    assert.equal(job.state, 'archived')
    assert.equal(job.archiveId, archiveId)
    again.launcher.kill('SIGTERM')
    assert.deepEqual(await again.untilExit(), { code: 0, signal: null })
  })

  it('keeps its secrets from other users and prints no other than the token', async () => {
    await using scratch = await openScratch()
    await using start = openStart(scratch)
    const { token } = await start.untilReady()
    const file = join(scratch.path, 'data/secrets.json')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const secrets: unknown = JSON.parse(await readFile(file, 'utf8'))
    assert.ok(typeof secrets === 'object' && secrets !== null)
    const { apiToken, ...others } = secrets as Record<string, string>
    assert.equal(apiToken, token)
    for (const [name, value] of Object.entries(others)) {
      assert.ok(!start.output().includes(value), name)
    }
  })

  it('refuses a second start on the same data directory and leaves the first alone', async () => {
    await using scratch = await openScratch()
    await using first = openStart(scratch)
    const { url } = await first.untilReady()
    await using second = openStart(scratch)
    assert.deepEqual(await second.untilExit(), { code: 1, signal: null })
    assert.match(second.output(), /is in use by process \d+.*FIRN_DATA_DIR/s)
    assert.equal((await fetch(`${url}/readyz`)).status, 200)
  })

  it('names the variable to change when its port is taken', async () => {
    await using scratch = await openScratch()
    await using first = openStart(scratch)
    const { url } = await first.untilReady()
    await using other = await openScratch()
    await using second = openStart(other, { API_PORT: new URL(url).port })
    assert.deepEqual(await second.untilExit(), { code: 1, signal: null })
    assert.match(second.output(), /Port \d+ is taken by another program.*API_PORT=\d+/s)
  })

  for (const victim of ['launcher', 'supervisor'] as const) {
    it(`leaves no process behind when its ${victim} is killed`, async () => {
      await using scratch = await openScratch()
      await using start = openStart(scratch)
      await start.untilReady()
      const pids = start.pids()
      if (victim === 'launcher') start.launcher.kill('SIGKILL')
      else process.kill(pids[0]!, 'SIGKILL')
      await start.untilExit()
      await untilGone(pids)
    })
  }
})
