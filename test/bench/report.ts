import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { isGoalMet, type Row } from './section.ts'

const BASELINE = fileURLToPath(new URL('./baseline.json', import.meta.url))

const Baseline = z.object({
  isQuick: z.boolean(),
  rows: z.array(z.object({ id: z.string(), value: z.number() })),
})

/** Where a run took place. Only figures of one machine compare, and only ratios under load. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly system: string
  readonly node: string
  /** Before the run: what others did on the machine. */
  readonly load: number
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
  }
}

export interface Report {
  readonly at: string
  readonly isQuick: boolean
  readonly seconds: number
  readonly machine: Machine
  readonly rows: readonly Row[]
  /** Sections that were left out or failed, with the reason. */
  readonly missing: readonly string[]
}

/** Writes the report as JSON and returns where. */
export async function saveReport(report: Report, asBaseline: boolean): Promise<string> {
  const file = asBaseline
    ? BASELINE
    : join(await mkdtemp(join(tmpdir(), 'firn-bench-report-')), 'report.json')
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`)
  return file
}

/** The values of the baseline by row, empty when there is none of this mode. */
export async function loadBaseline(isQuick: boolean): Promise<ReadonlyMap<string, number>> {
  try {
    const baseline = Baseline.parse(JSON.parse(await readFile(BASELINE, 'utf8')))
    if (baseline.isQuick !== isQuick) return new Map()
    return new Map(baseline.rows.map(({ id, value }) => [id, value]))
  } catch {
    return new Map()
  }
}

/** The rows as a table for a terminal. */
export function formatTable(rows: readonly Row[], baseline: ReadonlyMap<string, number>): string {
  const head = ['', 'what', 'measured', 'goal', 'baseline', 'made of']
  const cells = rows.map((row) => {
    const isMet = isGoalMet(row)
    const before = baseline.get(row.id)
    return [
      isMet === null ? ' ' : isMet ? '✔' : '✘',
      row.what,
      `${digits(row.value)} ${row.unit}`,
      row.goal === null ? '' : `${row.goal.is === 'at most' ? '≤' : '≥'} ${row.goal.value}`,
      before === undefined ? '' : digits(before),
      row.detail,
    ]
  })
  const all = [head, ...cells]
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function digits(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}
