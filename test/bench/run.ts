import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIB } from '@firn/core'
import { writeInputFile } from '@firn/stack'
import { measureAgainstSink } from './against-sink.ts'
import { measureAgainstVault } from './against-vault.ts'
import { measureJobPosts } from './job-posts.ts'
import { measureLatencyScaling } from './latency-scaling.ts'
import { measureManyParts } from './many-parts.ts'
import {
  type BenchOptions,
  parseBenchOptions,
  type SectionName,
  sectionNames,
  USAGE,
} from './options.ts'
import { formatTable, loadBaseline, type Report, saveReport, thisMachine } from './report.ts'
import { type BenchContext, isGoalMet, type Row, type Section } from './section.ts'
import { createUnitCost } from './unit-cost.ts'
import { measureWorkerMemory } from './worker-memory.ts'

// `npm run bench`: ends with 0 when everything could be measured, whether goals are met or not; a
// goal that is missed under somebody else's load is no failure.

const FULL_SECONDS = 215
const QUICK_SECONDS = 50

/** Each section and its share of the time, to stop repeating by. */
const sections: Readonly<
  Record<SectionName, { readonly measure: Section; readonly share: number }>
> = {
  sink: { measure: measureAgainstSink, share: 0.4 },
  vault: { measure: measureAgainstVault, share: 0.15 },
  parts: { measure: measureManyParts, share: 0.15 },
  scaling: { measure: measureLatencyScaling, share: 0.1 },
  posts: { measure: measureJobPosts, share: 0.1 },
  memory: { measure: measureWorkerMemory, share: 0.1 },
}

/** What repeats as often as the time allows comes last; in a quick run what matters most is first. */
const fullOrder: readonly SectionName[] = ['posts', 'memory', 'scaling', 'parts', 'vault', 'sink']
const quickOrder: readonly SectionName[] = ['sink', 'memory', 'parts', 'posts', 'scaling', 'vault']

try {
  process.exitCode = await runBenchmarks(parseBenchOptions(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof TypeError)) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}

async function runBenchmarks(options: BenchOptions): Promise<number> {
  if (process.platform !== 'linux') {
    console.error('The benchmarks read /proc, so they run on Linux only')
    return 1
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const machine = thisMachine()
  const startedAtMs = performance.now()
  const scratch = await mkdtemp(join(tmpdir(), 'firn-bench-'))
  let isKept = false
  try {
    const { rows, skipped, failed } = await measureAll(options, scratch, stop.signal)
    const missing = [...skipped, ...failed]
    isKept = failed.length > 0 && !stop.signal.aborted
    const seconds = Math.round((performance.now() - startedAtMs) / 1000)
    const { isQuick } = options
    const at = new Date().toISOString()
    const report: Report = { at, isQuick, seconds, machine, rows, missing }
    await print(report)
    console.log(`\nJSON: ${await saveReport(report, options.savesBaseline)}`)
    return stop.signal.aborted || missing.length > 0 ? 1 : 0
  } finally {
    if (isKept) console.log(`Kept for a look: ${scratch} (logs in stack-*/logs/)`)
    else await rm(scratch, { recursive: true, force: true })
  }
}

async function measureAll(
  options: BenchOptions,
  scratch: string,
  signal: AbortSignal,
): Promise<{
  readonly rows: readonly Row[]
  readonly skipped: readonly string[]
  readonly failed: readonly string[]
}> {
  const unit = createUnitCost()
  const input = {
    file: join(scratch, 'input.bin'),
    sizeBytes: (options.isQuick ? 256 : 1024) * MIB,
  }
  await writeInputFile({ ...input, seed: 'bench' }, signal)
  const { isQuick, manyParts, cpuProfileDir } = options
  const note = (text: string): void => console.error(`bench: ${text}`)
  const context: BenchContext = { isQuick, manyParts, cpuProfileDir, scratch, input, unit, note }
  const rowsByName = new Map<SectionName, readonly Row[]>()
  const skipped: string[] = []
  const failed: string[] = []
  const budgetMs = (isQuick ? QUICK_SECONDS : FULL_SECONDS) * 1000
  const endMs = performance.now() + budgetMs
  const order = isQuick ? quickOrder : fullOrder
  for (const name of order.filter((one) => options.only.includes(one))) {
    if (signal.aborted) break
    const leftMs = endMs - performance.now()
    if (leftMs < 0) {
      skipped.push(`${name}: the time was over; run it with --only=${name}`)
      continue
    }
    note(name)
    const { measure, share } = sections[name]
    const deadline = AbortSignal.timeout(Math.floor(Math.min(leftMs, budgetMs * share)))
    try {
      rowsByName.set(name, await measure(context, deadline, signal))
    } catch (error) {
      failed.push(`${name}: ${explain(error)}`)
    }
  }
  const rows = sectionNames.flatMap((name) => rowsByName.get(name) ?? [])
  return { rows: unit.hasSamples() ? [unit.row(), ...rows] : rows, skipped, failed }
}

async function print({ isQuick, seconds, machine, rows, missing }: Report): Promise<void> {
  const { cpu, cores, memoryGib, system, node, load } = machine
  console.log(`\n${formatTable(rows, await loadBaseline(isQuick))}\n`)
  const judged = rows.map(isGoalMet).filter((isMet) => isMet !== null)
  console.log(
    `${judged.filter((isMet) => isMet).length} of ${judged.length} goals met, ${seconds} s`,
  )
  for (const reason of missing) console.log(`not measured: ${reason}`)
  console.log(`${cores} × ${cpu}, ${memoryGib} GiB, ${system}, Node ${node}, load ${load} before`)
  if (load > cores / 2)
    console.log('The machine had other work: trust the ratios of CPU time most.')
}

function explain(error: unknown): string {
  const lines: string[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) lines.push(cause.message)
  return lines.length === 0 ? String(error) : lines.join('; because: ')
}
