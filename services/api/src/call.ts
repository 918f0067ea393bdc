import type { Logger } from '@firn/runtime'
import type { Request, Response } from 'express'

/** One request on its way through a handler. */
export interface Call {
  readonly req: Request
  readonly res: Response
  readonly params: Readonly<Record<string, string>>
  /** Aborts when the client goes away and at the request's deadline. */
  readonly signal: AbortSignal
  /** Knows the request's id. */
  readonly log: Logger
}

/** A JSON answer; the status is the operation's. */
interface Answer {
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Resolves to null when it has answered, or goes on answering, by itself. */
export type Handler = (call: Call) => Promise<Answer | null>
