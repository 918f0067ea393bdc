import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { invalidParameter, missingParameter } from '../glacier-error.ts'

/** One authenticated request, as an operation sees it. */
export interface Call {
  /** Of the credentials, 12 digits. */
  readonly accountId: string
  /** From the path, decoded; empty when the path has none. */
  readonly vaultName: string
  /** The archive, upload, job or lock that the path names; empty when it names none. */
  readonly id: string
  readonly query: ReadonlyMap<string, string>
  /** By name in lower case. Bytes are read as Latin-1. */
  readonly header: (name: string) => string | undefined
  /** The whole body, its hash verified; empty for the two uploads. */
  readonly body: Buffer
  /** The body of an upload, not read yet; asks for it a client that waits for `100 Continue`. */
  readonly openBody: () => IncomingMessage
}

/** What an operation answers. At most one of `json`, `text` and `output`. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: object
  readonly text?: string
  readonly output?: Readable
}

export type Handler = (call: Call) => Promise<Answer>

export function requiredHeader(call: Call, name: string): string {
  const value = call.header(name)
  if (value === undefined || value === '') throw missingParameter(name)
  return value
}

const SHA256_HEX = /^[0-9a-f]{64}$/

/** `x-amz-sha256-tree-hash`, lower-case. A shorter hex number is padded, as the live service does. */
export function requiredTreeHash(call: Call): string {
  const text = requiredHeader(call, 'x-amz-sha256-tree-hash')
  const hex = text.toLowerCase()
  const padded = /^[0-9a-f]{32,64}$/.test(hex) ? hex.padStart(64, '0') : hex
  if (SHA256_HEX.test(padded)) return padded
  throw invalidParameter(`Invalid x-amz-sha256-tree-hash: ${text}`)
}
