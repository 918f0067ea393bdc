import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** `npm run check`: the gate. Every check runs whatever another one says; all failures are shown. */
const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '-p', 'tsconfig.json'],
  ['format and lint', 'biome', 'ci', '--colors=off', '--log-level=warn', '--max-diagnostics=100'],
  ['type-aware lint', 'oxlint'],
  ['dead code', 'knip', '--strict'],
  ['layers', 'node', '--test', '--test-reporter=dot', 'test/architecture/layers.test.ts'],
]

interface Outcome {
  readonly name: string
  readonly code: number
  readonly output: string
  readonly seconds: number
}

const startedAt = performance.now()
const outcomes = await Promise.all(checks.map(run))
for (const { name, output } of outcomes.filter(({ code }) => code !== 0)) {
  console.log(`── ${name} ${'─'.repeat(76 - name.length)}\n${output.trim()}\n`)
}
for (const { name, code, seconds } of outcomes) {
  console.log(`${code === 0 ? '✔' : '✘'} ${name.padEnd(16)} ${seconds.toFixed(1).padStart(5)} s`)
}
const failed = outcomes.filter(({ code }) => code !== 0).length
const total = ((performance.now() - startedAt) / 1000).toFixed(1)
console.log(
  `${failed === 0 ? 'all checks pass' : `${failed} of ${checks.length} fail`}, ${total} s`,
)
process.exitCode = failed === 0 ? 0 : 1

async function run([name, command, ...args]: (typeof checks)[number]): Promise<Outcome> {
  const began = performance.now()
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `node_modules/.bin:${process.env.PATH}`, NO_COLOR: '1' },
  })
  const exited = once(child, 'close')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code]: unknown[] = await exited
  return {
    name,
    code: typeof code === 'number' ? code : 1,
    output: out + err,
    seconds: (performance.now() - began) / 1000,
  }
}
