import type { IncomingMessage } from 'node:http'
import {
  IdempotencyKey,
  inputErrors,
  JobRequest,
  type NormalJobRequest,
  normalizeJobRequest,
  parseStrictJson,
  VaultName,
} from '@firn/contracts'
import { type JobId, parseJobId } from '@firn/core'
import type { z } from 'zod'
import { RequestError } from './request-error.ts'

/** Parses a path parameter; a job that cannot exist is not found. */
export function readJobId(text: string | undefined): JobId {
  const id = parseJobId(text ?? '')
  if (id !== undefined) return id
  throw new RequestError('JOB_NOT_FOUND', `There is no job ${quoted(text ?? '')}`)
}

/** Parses a path parameter that must name a vault. */
export function readVaultName(text: string | undefined): string {
  const result = VaultName.safeParse(text)
  if (result.success) return result.data
  throw new RequestError('VALIDATION_FAILED', 'The name of the vault is not valid', {
    extras: { errors: inputErrors(result.error).map((error) => ({ ...error, path: '/name' })) },
  })
}

/** Parses the query string. Unknown parameters are refused, repeated ones unless a list is asked for. */
export function readQuery<Schema extends z.ZodObject>(
  schema: Schema,
  url: string,
): z.output<Schema> {
  const params = new URLSearchParams(url.split('?').slice(1).join('?'))
  const raw: Record<string, unknown> = Object.create(null)
  for (const name of new Set(params.keys())) {
    const values = params.getAll(name)
    raw[name] = values.length === 1 && name !== 'label' ? values[0] : values
  }
  const result = schema.safeParse({ ...raw })
  if (result.success) return result.data
  const errors = inputErrors(result.error).map(({ path, message }) => ({
    path: path.slice(1).split('/', 1)[0] ?? '',
    message,
  }))
  throw new RequestError('PARAMETER_INVALID', 'A query parameter is not valid', {
    extras: { errors },
  })
}

/** The one Idempotency-Key header, or null without one. */
export function readIdempotencyKey(req: IncomingMessage): string | null {
  const values = req.headersDistinct['idempotency-key'] ?? []
  if (values.length === 0) return null
  const result = IdempotencyKey.safeParse(values[0])
  if (values.length === 1 && result.success) return result.data
  throw new RequestError(
    'IDEMPOTENCY_KEY_INVALID',
    'Idempotency-Key must be given once, as 1 to 255 characters of printable ASCII',
  )
}

/** The body of `POST /v1/jobs`. */
export function readJobRequest(body: unknown): NormalJobRequest {
  return normalizeJobRequest(readJson(JobRequest, body ?? new Uint8Array(), 'The job'))
}

/** The body of a call that has its schema; `{}` when the request had none. */
export function readBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  what: string,
): z.output<Schema> {
  const isEmpty = !(body instanceof Uint8Array) || body.length === 0
  return readJson(schema, isEmpty ? Buffer.from('{}') : body, what)
}

/** Refusals say where it is wrong and never repeat what it was. */
function readJson<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  what: string,
): z.output<Schema> {
  const json = parseStrictJson(body instanceof Uint8Array ? body : new Uint8Array())
  if (!json.ok) {
    switch (json.reason) {
      case 'invalid':
        throw new RequestError('JSON_INVALID', 'The body is not JSON in UTF-8')
      case 'duplicate-key':
        throw new RequestError('JSON_INVALID', 'An object in the body has the same key twice')
      case 'too-deep':
        throw new RequestError('JSON_TOO_DEEP', 'The body is nested too deeply')
      case 'forbidden-key':
        throw invalidBody(what, [{ path: `/${json.key}`, message: 'is not a known key' }])
    }
  }
  const result = schema.safeParse(json.value)
  if (result.success) return result.data
  throw invalidBody(what, inputErrors(result.error))
}

function invalidBody(what: string, errors: { path: string; message: string }[]): RequestError {
  const count = errors.length === 1 ? 'one value is' : `${errors.length} values are`
  return new RequestError('VALIDATION_FAILED', `${what} cannot be accepted: ${count} not valid`, {
    extras: { errors },
  })
}

/** What a client sent, short and in quotes, for a message. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
