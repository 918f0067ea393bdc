import { z } from 'zod'
import { VaultName, wellFormed } from './fields.ts'
import { JobState } from './views.ts'

const PAGE_LIMIT_MAX = 200
const PAGE_LIMIT_DEFAULT = 50
const PART_PAGE_LIMIT_MAX = 1000
const CURSOR_MAX_CHARS = 512

function limit(max: number, defaultValue: number) {
  return z
    .string()
    .regex(/^[0-9]{1,6}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(max))
    .default(defaultValue)
    .meta({ description: `1 to ${max}, default ${defaultValue}`, type: 'integer' })
}

const Cursor = z
  .string()
  .max(CURSOR_MAX_CHARS)
  .optional()
  .meta({ description: '`nextCursor` of the page before' })

const LabelFilter = wellFormed()
  .max(512)
  .regex(/^[^:]+:/, 'must be key:value')

/** Every value is a list: a parameter may be repeated only where its schema says so. */
export const JobsQuery = z.strictObject({
  state: JobState.optional(),
  vault: VaultName.optional(),
  label: z
    .array(LabelFilter)
    .max(16)
    .default([])
    .meta({ description: 'key:value; repeat it to ask for several at once' }),
  limit: limit(PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT),
  cursor: Cursor,
})

export const PartsQuery = z.strictObject({
  limit: limit(PART_PAGE_LIMIT_MAX, 200),
  cursor: Cursor,
})

export const PageQuery = z.strictObject({
  limit: limit(PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT),
  cursor: Cursor,
})

/** 1 to 255 characters of printable ASCII, no space at either end. */
export const IdempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable ASCII')
  .meta({ description: 'The same key with the same body makes one job, however often it is sent' })
