import type { z } from 'zod'

/** One call of the HTTP API. Routes, their documentation and their checks are made from these. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As OpenAPI writes it: `/v1/jobs/{id}`. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  /** Whether anybody may ask, or only who has a token. */
  readonly access: 'token' | 'open'
  /** Calls of `vaults` ask Glacier and may take longer. */
  readonly tag: 'jobs' | 'archives' | 'vaults' | 'operator' | 'service'
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly headers?: z.ZodObject
  readonly body?: z.ZodType
  /** A request without a body counts as one with `{}`. */
  readonly isBodyOptional?: boolean
  readonly success: {
    readonly status: 200 | 201 | 202
    readonly description: string
    readonly schema?: z.ZodType
    readonly contentType: string
    readonly headers?: z.ZodObject
  }
  /** Statuses of the problems that this call can answer, besides 400, 401, 500 and 503. */
  readonly problems: readonly number[]
}
