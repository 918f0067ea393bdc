import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { AppError, type ErrorCode, treeHash } from '@firn/core'
import { createGlacier, type GlacierOptions } from '@firn/glacier'

/** Writes one answer to one request. */
export type Answer = (req: IncomingMessage, res: ServerResponse) => unknown

/** A server that answers what a test tells it to, and the client's side of the conversation. */
export interface ScriptedServer extends AsyncDisposable {
  readonly port: number
  /** Every request since the server was opened, in order. */
  readonly requests: readonly IncomingMessage[]
  /** How it answers from now on. */
  answer: Answer
  /** A client of this server, or of another endpoint, with credentials that are good for nothing. */
  readonly connect: (
    options?: GlacierOptions,
    endpoint?: string,
  ) => ReturnType<typeof createGlacier>
}

/** What the SDK finds in the environment; set before each client, since tests take from it. */
export const environment = {
  AWS_REGION: 'eu-north-1',
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/nowhere',
  AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
}

export async function openScriptedServer(): Promise<ScriptedServer> {
  Object.assign(process.env, environment)
  const requests: IncomingMessage[] = []
  const server = createServer((req, res) => {
    requests.push(req)
    void (async () => scripted.answer(req, res))()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const scripted: ScriptedServer = {
    port,
    requests,
    answer: (_req, res) => res.end(),
    connect(options, endpoint = `http://127.0.0.1:${port}`) {
      process.env.AWS_ENDPOINT_URL_GLACIER = endpoint
      return createGlacier(options)
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
  return scripted
}

export const never = new AbortController().signal
export const upload = { vault: 'photos', uploadId: 'an-upload_id' }

/** A part with shared memory and true hashes. */
export function aPart(sizeBytes: number, start = 0) {
  const body = new Uint8Array(new SharedArrayBuffer(sizeBytes))
  body.set(randomBytes(Math.min(sizeBytes, 65536)))
  return {
    ...upload,
    range: { start, end: start + sizeBytes },
    body,
    sha256: createHash('sha256').update(body).digest('hex'),
    treeHash: treeHash(body).toString('hex'),
  }
}

/** The same bytes as a stream. */
export function streamOf(bytes: Uint8Array): Readable {
  return Readable.from(slices(bytes), { objectMode: false })
}

function* slices(bytes: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 100_000) {
    yield Buffer.from(bytes.subarray(at, at + 100_000))
  }
}

export function hasCode(...codes: readonly ErrorCode[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error))
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`)
    return true
  }
}

/** Reads the request, then answers with JSON. */
export function json(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return async (req, res) => {
    await buffer(req)
    res.writeHead(status, { 'content-type': 'application/json', ...headers })
    res.end(JSON.stringify(value))
  }
}

/** An error as Glacier words it. */
export function failure(status: number, code: string, message = 'as it were'): Answer {
  return json(status, { code, message, type: 'Client' })
}

/** Reads the request, then answers with something that is not Glacier's. */
export function page(status: number, text: string): Answer {
  return async (req, res) => {
    await buffer(req)
    res.writeHead(status, { 'content-type': 'text/html' })
    res.end(text)
  }
}

/** Resolves once `condition` holds; fails after ten seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + 10_000
  while (!condition()) {
    assert.ok(Date.now() < deadlineMs, 'the condition did not come true')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
