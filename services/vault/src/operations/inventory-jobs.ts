import { createReadStream } from 'node:fs'
import { invalidParameter, notFound } from '../glacier-error.ts'
import type { Answer, Call } from '../http/call.ts'
import { newJobId } from '../ids.ts'
import { type Archive, type Job, outputFile, type Vault } from '../storage/catalog.ts'
import { inventoryOf, inventoryPosition, writeInventory } from '../storage/inventory.ts'
import type { InventoryJobRecord } from '../storage/records.ts'
import type { OperationDependencies } from './dependencies.ts'
import { commonJobFields, type JobParameters, refuseParameters } from './job-parameters.ts'
import { outputHead, outputRange } from './output-range.ts'
import { formatMarker, readMarker } from './page.ts'

type Dependencies = Pick<
  OperationDependencies,
  'store' | 'clock' | 'names' | 'jobDelayMs' | 'inventoryLagMs'
>

interface InventoryQuery {
  readonly format: 'JSON' | 'CSV'
  readonly startDate: string | null
  readonly endDate: string | null
  readonly limit: number | null
  readonly marker: string | undefined
}

/** What a job that lists the archives of a vault is to be; its output is written to `tempPath`. */
export async function inventoryJob(
  parameters: JobParameters,
  vault: Vault,
  input: { readonly dependencies: Dependencies; readonly tempPath: string },
): Promise<InventoryJobRecord> {
  const { clock, names, jobDelayMs, inventoryLagMs } = input.dependencies
  refuseParameters(parameters, ['ArchiveId', 'RetrievalByteRange'])
  const query = parseQuery(parameters)
  const nowMs = clock.nowMs()
  const fields = commonJobFields(parameters, { jobId: newJobId(), nowMs, jobDelayMs })
  const inventory = inventoryOf(vault, nowMs, inventoryLagMs)
  const { accountId, name } = vault.record
  const arn = names.arn(accountId, name)
  if (inventory.dateMs === null) {
    throw notFound(`There is no inventory yet of the vault: ${arn}`)
  }
  const { page, nextMarker } = takeRows(inventory.archives, query)
  const sizeBytes = await writeInventory(input.tempPath, {
    format: query.format,
    arn,
    dateMs: inventory.dateMs,
    archives: page,
  })
  const { format, startDate, endDate, limit } = query
  return {
    ...fields,
    kind: 'inventory-retrieval',
    format,
    startDate,
    endDate,
    limit,
    nextMarker,
    sizeBytes,
  }
}

function parseQuery(parameters: JobParameters): InventoryQuery {
  const retrieval = parameters.InventoryRetrievalParameters ?? {}
  const format = parameters.Format ?? 'JSON'
  if (format !== 'JSON' && format !== 'CSV') throw invalidParameter(`Invalid format: ${format}`)
  const startDate = retrieval.StartDate ?? null
  const endDate = retrieval.EndDate ?? null
  const startMs = parseDate('StartDate', startDate)
  const endMs = parseDate('EndDate', endDate)
  if (startMs !== null && endMs !== null && startMs > endMs) {
    throw invalidParameter('Invalid StartDate: it is after EndDate')
  }
  return {
    format,
    startDate,
    endDate,
    limit: parseLimit(retrieval.Limit),
    marker: readMarker(retrieval.Marker ?? undefined),
  }
}

function parseDate(name: string, text: string | null): number | null {
  if (text === null) return null
  const isIso = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?$/.test(
    text,
  )
  const ms = isIso ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw invalidParameter(`Invalid ${name}: ${text}`)
  return ms
}

function parseLimit(value: string | number | null | undefined): number | null {
  if (value === null || value === undefined) return null
  if (/^[1-9]\d{0,14}$/.test(String(value))) return Number(value)
  throw invalidParameter(`Invalid Limit: ${value}`)
}

/** The start date is included, the end date is not. */
function takeRows(
  archives: readonly Archive[],
  query: InventoryQuery,
): { readonly page: readonly Archive[]; readonly nextMarker: string | null } {
  const startMs = parseDate('StartDate', query.startDate) ?? 0
  const endMs = parseDate('EndDate', query.endDate) ?? Number.POSITIVE_INFINITY
  const from = query.marker ?? ''
  const rows = archives
    .map((archive) => ({ archive, position: inventoryPosition(archive) }))
    .filter(({ archive: { header }, position }) => {
      const isInDates = header.createdAtMs >= startMs && header.createdAtMs < endMs
      return isInDates && position >= from
    })
    .sort((a, b) => (a.position < b.position ? -1 : 1))
  const limit = query.limit ?? rows.length
  const next = rows[limit]
  return {
    page: rows.slice(0, limit).map(({ archive }) => archive),
    nextMarker: next === undefined ? null : formatMarker(next.position),
  }
}

export function inventoryOutput(
  call: Call,
  input: { readonly vault: Vault; readonly job: Job; readonly record: InventoryJobRecord },
): Answer {
  const { vault, job, record } = input
  const header = call.header('range')
  const range = outputRange(header, record.sizeBytes)
  return {
    ...outputHead({
      header,
      range,
      sizeBytes: record.sizeBytes,
      contentType: record.format === 'JSON' ? 'application/json' : 'text/csv',
    }),
    output: createReadStream(outputFile(vault, job.key), { start: range.first, end: range.last }),
  }
}
