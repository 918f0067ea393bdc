import {
  choosePartSize,
  type Expected,
  PART_COUNT_MAX,
  PART_SIZE_MIN_BYTES,
  type Source,
} from '@firn/core'
import { z } from 'zod'
import {
  ArchiveSize,
  Description,
  FilePath,
  Labels,
  PartSize,
  Priority,
  Sha256Hex,
  VaultName,
} from './fields.ts'

const PRIORITY_DEFAULT = 3
const sourceTypes = ['file'] as const

const SourceRequest = z
  .discriminatedUnion(
    'type',
    [z.strictObject({ type: z.literal('file'), path: FilePath }).meta({ id: 'FileSource' })],
    { error: (issue) => sourceTypeMessage(issue.input) },
  )
  .meta({ id: 'Source', description: 'Where the bytes of the archive come from' })

const ExpectedRequest = z
  .strictObject({
    size: ArchiveSize.optional(),
    sha256: Sha256Hex.optional(),
    sha256TreeHash: Sha256Hex.optional(),
  })
  .meta({
    id: 'Expected',
    description: 'What the archive must be; a difference fails the job and leaves no archive',
  })

/** The body of `POST /v1/jobs`. Unknown keys are refused: a misspelt option must not be ignored. */
export const JobRequest = z
  .strictObject({
    vault: VaultName,
    source: SourceRequest,
    description: Description.optional(),
    partSize: PartSize.optional(),
    priority: Priority.optional(),
    expected: ExpectedRequest.optional(),
    labels: Labels.optional(),
  })
  .superRefine((request, context) => {
    const message = partCountProblem(request.partSize, request.expected?.size)
    if (message !== null) context.addIssue({ code: 'custom', path: ['partSize'], message })
  })
  .meta({ id: 'JobRequest' })

/** The body of `PATCH /v1/jobs/{id}`. */
export const JobChange = z.strictObject({ priority: Priority }).meta({ id: 'JobChange' })

export type JobRequest = z.output<typeof JobRequest>

/** A request with its defaults filled in, as the engine takes it. */
export interface NormalJobRequest {
  readonly vault: string
  readonly source: Source
  readonly description: string
  readonly partSizeBytes: number | null
  readonly priority: number
  readonly expected: Expected
  readonly labels: Readonly<Record<string, string>>
}

/** Equal requests become equal values, key order included, so that their JSON can be hashed. */
export function normalizeJobRequest(request: JobRequest): NormalJobRequest {
  const { vault, source, expected } = request
  const labels = Object.entries(request.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    vault,
    source: { type: source.type, path: source.path },
    description: request.description ?? '',
    partSizeBytes: request.partSize ?? null,
    priority: request.priority ?? PRIORITY_DEFAULT,
    expected: {
      sizeBytes: expected?.size ?? null,
      sha256: expected?.sha256 ?? null,
      sha256TreeHash: expected?.sha256TreeHash ?? null,
    },
    labels: Object.fromEntries(labels),
  }
}

function partCountProblem(partSize: number | undefined, size: number | undefined): string | null {
  if (partSize === undefined || size === undefined) return null
  const neededBytes = choosePartSize({ sizeBytes: size, preferredBytes: PART_SIZE_MIN_BYTES })
  if (partSize >= neededBytes) return null
  return `would cut ${size} bytes into more than ${PART_COUNT_MAX} parts; at least ${neededBytes} is needed`
}

function sourceTypeMessage(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null || !('type' in input)) return undefined
  if (typeof input.type !== 'string' || input.type === 'file') return undefined
  return `source type ${JSON.stringify(input.type.slice(0, 40))} is not supported; supported: ${sourceTypes.join(', ')}`
}
