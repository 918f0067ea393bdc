import { MIB } from '@firn/core'
import { type BenchStack, openBenchStack, ownCpuSeconds, type Run } from './bench-stack.ts'
import { type Boto3Result, boto3Problem, runBoto3 } from './boto3.ts'
import type { BenchContext, Row, Section } from './section.ts'
import { type Sink, startSink } from './sink.ts'
import { medianOf } from './stats.ts'

const PART_SIZES_MIB = [8, 1, 16, 64] as const
const REPEATS_MAX = 5

interface Sample {
  readonly partSizeMib: number
  readonly unitCost: number
  readonly gib: number
  readonly run: Run
  readonly boto3: Boto3Result | null
}

/**
 * Whole runs, POST to `archived`, against a server that only swallows: what Firn itself costs.
 * Each stands beside a measurement of the unit and a run of boto3 on the same file and server.
 */
export const measureAgainstSink: Section = async (context, deadline, signal) => {
  const { file } = context.input
  await using sink = await startSink({ latencyMs: 0 }, signal)
  await using stack = await openBenchStack({ context, workerCount: 2, sinkUrl: sink.url }, signal)
  const problem = boto3Problem()
  if (problem !== null) context.note(`not compared with boto3: ${problem}`)
  // Small parts, since what makes the engine compile a function is how often it was called. A
  // service that stays up pays for that once, not for each GiB.
  await stack.archive({ file, partSizeBytes: MIB }, signal)

  const samples: Sample[] = []
  for (let repeat = 0; repeat < REPEATS_MAX && !(repeat > 0 && deadline.aborted); repeat += 1) {
    for (const partSizeMib of PART_SIZES_MIB) {
      if (repeat > 0 && deadline.aborted) break
      const hasBoto3 = problem === null
      samples.push(await measureOnce(context, { file, sink, stack, partSizeMib, hasBoto3 }, signal))
    }
  }
  return PART_SIZES_MIB.toSorted((a, b) => a - b).flatMap((partSizeMib) =>
    rowsOf(
      partSizeMib,
      samples.filter((sample) => sample.partSizeMib === partSizeMib),
    ),
  )
}

async function measureOnce(
  context: BenchContext,
  input: {
    readonly file: string
    readonly sink: Sink
    readonly stack: BenchStack
    readonly partSizeMib: number
    readonly hasBoto3: boolean
  },
  signal: AbortSignal,
): Promise<Sample> {
  const { file, sink, partSizeMib } = input
  const partSizeBytes = partSizeMib * MIB
  const unitCost = context.unit.measure()
  const run = await input.stack.archive({ file, partSizeBytes }, signal)
  const boto3 = input.hasBoto3
    ? await runBoto3({ endpoint: sink.url, file, partSizeBytes }, signal)
    : null
  if (boto3 !== null && boto3.treeHash !== run.job.sha256TreeHash) {
    throw new Error(`boto3 archived ${boto3.treeHash}, Firn ${run.job.sha256TreeHash}`)
  }
  return { partSizeMib, unitCost, gib: (run.job.size ?? 0) / 1024 ** 3, run, boto3 }
}

function rowsOf(partSizeMib: number, samples: readonly Sample[]): readonly Row[] {
  const median = (of: (sample: Sample) => number): number => medianOf(samples.map(of))
  const cpu = (kind: 'api' | 'redis' | 'worker' | 'finalizer'): string =>
    `${kind} ${median(({ run, gib }) => run.cpu[kind] / gib).toFixed(2)}`
  const rows: Row[] = [
    {
      id: `sink.cpu.${partSizeMib}`,
      what: `CPU against a sink, ${partSizeMib} MiB parts`,
      value: median(({ run, gib, unitCost }) => ownCpuSeconds(run.cpu) / gib / unitCost),
      unit: '× unit',
      goal: { is: 'at most', value: 1.4 },
      detail: `CPU s/GiB: ${cpu('worker')}, ${cpu('redis')}, ${cpu('api')}, ${cpu('finalizer')}; ${median(({ run }) => run.mibPerSecond).toFixed(0)} MiB/s; ${samples.length} runs`,
    },
  ]
  const pairs = samples.flatMap(({ run, boto3, gib, unitCost }) =>
    boto3 === null ? [] : [{ run, boto3, gib, unitCost }],
  )
  if (pairs.length > 0) {
    const speed = medianOf(pairs.map(({ boto3, gib }) => (gib * 1024) / boto3.seconds))
    const cost = medianOf(
      pairs.map(({ boto3, gib, unitCost }) => boto3.cpuSeconds / gib / unitCost),
    )
    rows.push({
      id: `boto3.speed.${partSizeMib}`,
      what: `throughput beside boto3, ${partSizeMib} MiB parts`,
      value: medianOf(pairs.map(({ run, boto3 }) => boto3.seconds / run.seconds)),
      unit: '× boto3',
      goal: { is: 'at least', value: partSizeMib === 1 ? 1 : 1.3 },
      detail: `boto3 ${speed.toFixed(0)} MiB/s at ${cost.toFixed(2)} × unit of CPU; ${pairs.length} pairs`,
    })
  }
  return rows
}
