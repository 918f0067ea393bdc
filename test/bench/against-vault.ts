import { MIB } from '@firn/core'
import { openBenchStack, ownCpuSeconds } from './bench-stack.ts'
import type { Row, Section } from './section.ts'

const PART_SIZES_MIB = [8, 64, 16, 1] as const

/**
 * Whole runs against the embedded vault, which hashes and syncs every byte on the same machine:
 * what a newcomer sees. Its own cost is told apart.
 */
export const measureAgainstVault: Section = async (context, deadline, signal) => {
  const { file } = context.input
  await using stack = await openBenchStack({ context, workerCount: 2, sinkUrl: null }, signal)
  await stack.archive({ file, partSizeBytes: 8 * MIB }, signal)
  const rows: Row[] = []
  for (const partSizeMib of PART_SIZES_MIB) {
    if (deadline.aborted) break
    const unitCost = context.unit.measure()
    const run = await stack.archive({ file, partSizeBytes: partSizeMib * MIB }, signal)
    const gib = (run.job.size ?? 0) / 1024 ** 3
    rows.push({
      id: `vault.cpu.${partSizeMib}`,
      what: `CPU against the vault, ${partSizeMib} MiB parts`,
      value: ownCpuSeconds(run.cpu) / gib / unitCost,
      unit: '× unit',
      goal: null,
      detail: `the vault itself ${(run.cpu.vault / gib / unitCost).toFixed(2)} × unit; ${run.mibPerSecond.toFixed(0)} MiB/s`,
    })
  }
  return rows
}
