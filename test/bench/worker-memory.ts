import { rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MIB } from '@firn/core'
import { openBenchStack } from './bench-stack.ts'
import { peakRssBytesOf } from './process-costs.ts'
import type { Row, Section } from './section.ts'
import { startSink } from './sink.ts'

const BUDGET_MIB = 64
const OVERHEAD_MAX_MIB = 150
const CASES = [
  { partSizeMib: 8, fileMib: 512 },
  { partSizeMib: 64, fileMib: 512 },
  { partSizeMib: 1024, fileMib: 2048 },
] as const

/** The most memory a worker has resident, for parts far below, at and far above its budget. */
export const measureWorkerMemory: Section = async (context, deadline, signal) => {
  await using sink = await startSink({ latencyMs: 0 }, signal)
  const rows: Row[] = []
  for (const { partSizeMib, fileMib } of CASES) {
    if (deadline.aborted) break
    const file = join(context.scratch, `memory-${partSizeMib}.bin`)
    await writeFile(file, '')
    await truncate(file, fileMib * MIB)
    // A worker of its own each: what one part size left in the heap is not the next one's.
    await using bench = await openBenchStack(
      {
        context,
        workerCount: 1,
        sinkUrl: sink.url,
        workerEnv: { WORKER_MEMORY_BYTES: String(BUDGET_MIB * MIB) },
      },
      signal,
    )
    const worker = bench.stack.processes().find(({ kind }) => kind === 'worker')
    const idleMib = peakRssBytesOf(worker?.pid ?? 0) / MIB
    await bench.archive({ file, partSizeBytes: partSizeMib * MIB }, signal)
    rows.push({
      id: `memory.${partSizeMib}`,
      what: `peak memory of a worker, ${partSizeMib} MiB parts`,
      value: peakRssBytesOf(worker?.pid ?? 0) / MIB,
      unit: 'MiB',
      goal: { is: 'at most', value: BUDGET_MIB + OVERHEAD_MAX_MIB },
      detail: `budget ${BUDGET_MIB} MiB + ${OVERHEAD_MAX_MIB}; ${idleMib.toFixed(0)} MiB when it was ready`,
    })
    await rm(file)
  }
  return rows
}
