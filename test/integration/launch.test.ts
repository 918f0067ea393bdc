import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'

const PROGRAM = `
const [mode, ...rest] = process.argv.slice(2)
if (mode === 'arguments') console.log(JSON.stringify({ rest, directory: process.env.INIT_CWD }))
if (mode === 'exit') process.exitCode = Number(rest[0])
if (mode === 'die') process.kill(process.pid, 'SIGKILL')
if (mode === 'signals') {
  setInterval(() => {}, 1000)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      console.log(signal)
      // Long enough for an echo of the signal to show, should there be one.
      setTimeout(() => process.exit(0), 1500)
    })
  }
  console.log('ready')
}
`

describe('the launcher', () => {
  let directory: string
  let program: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'firn-launch-'))
    program = join(directory, 'program.ts')
    await writeFile(program, PROGRAM)
  })
  after(() => rm(directory, { recursive: true, force: true }))

  function launch(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
    const { INIT_CWD: _, npm_lifecycle_event: __, ...env } = process.env
    const launcher = join(process.cwd(), 'infra/bootstrap/run.mjs')
    return spawn(process.execPath, [launcher, program, ...args], {
      cwd: directory,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  it('hands on arguments as they are, and the directory of the user', async () => {
    const output = await text(launch('arguments', 'a b', '--x=ü', '').stdout)
    assert.deepEqual(JSON.parse(output), { rest: ['a b', '--x=ü', ''], directory })
  })

  it('ends with the exit code of the program', async () => {
    const [code]: unknown[] = await once(launch('exit', '42'), 'exit')
    assert.equal(code, 42)
  })

  it('ends by the signal that ended the program', async () => {
    const [code, signal]: unknown[] = await once(launch('die'), 'exit')
    assert.deepEqual([code, signal], [null, 'SIGKILL'])
  })

  it('passes a signal once that comes twice, from the terminal and from npm', async () => {
    const launcher = launch('signals')
    const lines: string[] = []
    launcher.stdout.on('data', (chunk) => lines.push(String(chunk).trim()))
    await once(launcher.stdout, 'data')
    launcher.kill('SIGINT')
    await once(launcher.stdout, 'data')
    launcher.kill('SIGINT')
    const [code]: unknown[] = await once(launcher, 'close')
    assert.equal(code, 0)
    assert.deepEqual(lines, ['ready', 'SIGINT'])
  })

  it('says how it is used when it is given nothing to run', async () => {
    const launcher = spawn(process.execPath, ['infra/bootstrap/run.mjs'])
    assert.match(await text(launcher.stderr), /^firn: usage: /)
  })
})
