import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MIB } from '@firn/core'
import { type BenchStack, openBenchStack } from './bench-stack.ts'
import type { BenchContext, Section } from './section.ts'
import { type Sink, startSink } from './sink.ts'

const LATENCY_MS = 100
const JOBS = 4
const CONCURRENCY = 4

/**
 * A Glacier that takes 100 ms for each request, as one across the country does: four times the
 * workers must bring nearly four times the parts, since nothing but waiting is in the way.
 */
export const measureLatencyScaling: Section = async (context, _deadline, signal) => {
  await using sink = await startSink({ latencyMs: LATENCY_MS }, signal)
  await using stack = await openBenchStack(
    {
      context,
      workerCount: 1,
      sinkUrl: sink.url,
      workerEnv: { WORKER_CONCURRENCY: String(CONCURRENCY) },
    },
    signal,
  )
  const partsPerJob = context.isQuick ? 24 : 80
  const files = await sparseFiles(context, partsPerJob)
  await partsPerSecond({ stack, sink, files: await sparseFiles(context, 8) }, signal)
  const alone = await partsPerSecond({ stack, sink, files }, signal)
  for (let count = 1; count < 4; count += 1) await stack.stack.addWorker(signal)
  await partsPerSecond({ stack, sink, files: await sparseFiles(context, 8) }, signal)
  const together = await partsPerSecond({ stack, sink, files }, signal)
  return [
    {
      id: 'scaling',
      what: `4 workers instead of 1, ${LATENCY_MS} ms per request`,
      value: together / alone,
      unit: '× throughput',
      goal: { is: 'at least', value: 3.6 },
      detail: `${alone.toFixed(1)} and ${together.toFixed(1)} parts/s; ${((CONCURRENCY * 1000) / LATENCY_MS).toFixed(0)} a worker is the most`,
    },
  ]
}

async function sparseFiles(context: BenchContext, parts: number): Promise<readonly string[]> {
  const files = Array.from({ length: JOBS }, (_, index) =>
    join(context.scratch, `sparse-${parts}-${index}.bin`),
  )
  for (const file of files) {
    await writeFile(file, '')
    await truncate(file, parts * MIB)
  }
  return files
}

/** The rate from the first part that was answered to the last, of several archives at once. */
async function partsPerSecond(
  input: { readonly stack: BenchStack; readonly sink: Sink; readonly files: readonly string[] },
  signal: AbortSignal,
): Promise<number> {
  const { stack, sink, files } = input
  await sink.forgetParts(signal)
  const jobs = await Promise.all(
    files.map((file) => stack.submit({ file, partSizeBytes: MIB }, signal)),
  )
  await Promise.all(jobs.map(({ id }) => stack.untilArchived(id, signal)))
  const { count, firstAtMs, lastAtMs } = await sink.parts(signal)
  return (count - 1) / ((lastAtMs - firstAtMs) / 1000)
}
