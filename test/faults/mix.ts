import { parseArgs } from 'node:util'
import { runMix } from './run-mix.ts'

/** `npm run faults -- --seed N --minutes M`: jobs and faults at random, checked from outside. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '5' },
  },
})
const { seed } = values
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes is "${values.minutes}": must be above 0`)

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
say(`random mix for ${minutes} minutes, seed ${seed}`)
const report = await runMix({ seed, durationMs: minutes * 60_000 })
for (const [name, count] of Object.entries(report)) say(`${name.padEnd(14)} ${count}`)
say('no invariant was violated')
