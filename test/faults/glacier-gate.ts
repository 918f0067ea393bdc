import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { resetSocket } from './reset-socket.ts'

/** One request on its way to Glacier. */
export interface GateCall {
  readonly operation: string
  readonly vault: string
  readonly uploadId: string | null
  /** As Content-Range says: first and last byte. */
  readonly range: { readonly first: number; readonly last: number } | null
  /** From 1: the how-manieth of its operation in its vault. */
  readonly number: number
}

export interface CannedAnswer {
  readonly status: number
  readonly type?: string
  readonly body: string
}

/** What becomes of a request. Everything but `pass` is a fault. */
export type Verdict =
  | { readonly type: 'pass' }
  /** Glacier never sees it. */
  | { readonly type: 'answer'; readonly answer: CannedAnswer }
  /** The connection is reset: on the headers, in the middle of the body, or after all of it. */
  | { readonly type: 'reset'; readonly when: 'headers' | 'half' | 'body' }
  /** Glacier carries it out; the answer is lost. */
  | { readonly type: 'commit-then-reset'; readonly committed?: () => Promise<void> }
  /** Glacier carries it out; another answer is given. */
  | { readonly type: 'commit-then-answer'; readonly answer: CannedAnswer }
  /** Nothing happens until `until` resolves; then the connection is reset. */
  | { readonly type: 'hang'; readonly until: Promise<void> }
  /** One bit of the body is wrong on the wire. */
  | { readonly type: 'flip-bit' }
  /** Glacier confirms another hash than it was sent. */
  | { readonly type: 'wrong-hash' }

export type Rule = (call: GateCall) => Promise<Verdict>

/** One request as it went: what the outside checker takes for what Glacier was asked. */
export interface GateRecord extends GateCall {
  readonly atMs: number
  readonly bodyBytes: number
  readonly verdict: Verdict['type']
  /** Glacier's own answer; null when it never saw the request whole. */
  readonly status: number | null
}

export interface GlacierGate extends AsyncDisposable {
  readonly url: string
  /** Where requests lead; needed before the first one. */
  readonly leadTo: (endpoint: string) => void
  /** Decides about requests for that vault from here on; null lets everything pass. */
  readonly rule: (vault: string, rule: Rule | null) => void
  readonly records: (vault: string) => readonly GateRecord[]
  /** Requests that met a fault, in all vaults. */
  readonly faultCount: () => number
}

export const pass: Verdict = { type: 'pass' }

const letPass: Rule = async () => pass

/** An HTTP proxy in front of Glacier that sees every request and can do to it what networks do. */
export async function openGlacierGate(): Promise<GlacierGate> {
  const rules = new Map<string, Rule>()
  const records: GateRecord[] = []
  const counts = new Map<string, number>()
  let target = new URL('http://127.0.0.1:1')
  let faults = 0

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const named = nameCall(req)
    const counted = `${named.vault} ${named.operation}`
    const number = (counts.get(counted) ?? 0) + 1
    counts.set(counted, number)
    const call = { ...named, number }
    const verdict = await (rules.get(call.vault) ?? letPass)(call)
    if (verdict.type !== 'pass') faults += 1
    const done = await carryOut({ verdict, target, req, res })
    records.push({ ...call, ...done, atMs: Date.now(), verdict: verdict.type })
    done.deliver()
  }
  const server = createServer((req, res) => {
    res.on('error', () => {})
    handle(req, res).catch(() => res.destroy())
  }).listen(0, '127.0.0.1')
  server.requestTimeout = 0
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No TCP address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    leadTo(endpoint) {
      target = new URL(endpoint)
    },
    rule(vault, rule) {
      if (rule === null) rules.delete(vault)
      else rules.set(vault, rule)
    },
    records: (vault) => records.filter((record) => record.vault === vault),
    faultCount: () => faults,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

interface Done {
  readonly bodyBytes: number
  readonly status: number | null
  readonly deliver: () => void
}

async function carryOut(input: {
  readonly verdict: Verdict
  readonly target: URL
  readonly req: IncomingMessage
  readonly res: ServerResponse
}): Promise<Done> {
  const { verdict, req, res } = input
  const reset = (): void => {
    resetSocket(req.socket)
  }
  if (verdict.type === 'reset' && verdict.when !== 'body') {
    if (verdict.when === 'half') await once(req, 'data')
    return { bodyBytes: 0, status: null, deliver: reset }
  }
  const body = await buffer(req)
  const unseen = { bodyBytes: body.length, status: null }
  switch (verdict.type) {
    case 'answer':
      return { ...unseen, deliver: () => say(res, verdict.answer) }
    case 'reset':
      return { ...unseen, deliver: reset }
    case 'hang':
      await verdict.until
      return { ...unseen, deliver: reset }
    default: {
      const sent = verdict.type === 'flip-bit' ? flipBit(body) : body
      const answer = await forward(input.target, req, sent)
      const seen = { bodyBytes: body.length, status: answer.status }
      if (verdict.type === 'commit-then-reset') {
        await verdict.committed?.()
        return { ...seen, deliver: reset }
      }
      if (verdict.type === 'commit-then-answer') {
        return { ...seen, deliver: () => say(res, verdict.answer) }
      }
      if (verdict.type === 'wrong-hash') answer.headers['x-amz-sha256-tree-hash'] = '0'.repeat(64)
      return {
        ...seen,
        deliver: () => void res.writeHead(answer.status, answer.headers).end(answer.body),
      }
    }
  }
}

function say(res: ServerResponse, { status, type, body }: CannedAnswer): void {
  res.writeHead(status, { 'content-type': type ?? 'application/json' }).end(body)
}

function flipBit(body: Buffer): Buffer {
  const flipped = Buffer.from(body)
  const at = flipped.length >> 1
  if (flipped.length > 0) flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at)
  return flipped
}

async function forward(target: URL, req: IncomingMessage, body: Buffer) {
  // The Host header goes along as it is: the signature covers it.
  const onward = request({
    ...{ host: target.hostname, port: target.port, method: req.method, path: req.url },
    headers: { ...req.headers, connection: 'close' },
  })
  // After the listener: an answer that comes before the whole body is out is an answer too.
  const answered = once(onward, 'response')
  onward.end(body)
  const [response]: unknown[] = await answered
  onward.on('error', () => {})
  if (!isResponse(response)) throw new Error('No answer')
  const { connection: _ours, 'keep-alive': _theirs, ...headers } = response.headers
  return { status: response.statusCode ?? 0, headers, body: await buffer(response) }
}

function isResponse(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'statusCode' in value
}

const operations: readonly (readonly [method: string, path: RegExp, operation: string])[] = [
  ['POST', /^\/[^/]+\/vaults\/([^/]+)\/multipart-uploads$/, 'Initiate'],
  ['GET', /^\/[^/]+\/vaults\/([^/]+)\/multipart-uploads$/, 'ListUploads'],
  ['PUT', /^\/[^/]+\/vaults\/([^/]+)\/multipart-uploads\/([^/]+)$/, 'UploadPart'],
  ['POST', /^\/[^/]+\/vaults\/([^/]+)\/multipart-uploads\/([^/]+)$/, 'Complete'],
  ['GET', /^\/[^/]+\/vaults\/([^/]+)\/multipart-uploads\/([^/]+)$/, 'ListParts'],
  ['DELETE', /^\/[^/]+\/vaults\/([^/]+)\/multipart-uploads\/([^/]+)$/, 'Abort'],
  ['POST', /^\/[^/]+\/vaults\/([^/]+)\/jobs$/, 'InitiateJob'],
]

function nameCall(req: IncomingMessage): Omit<GateCall, 'number'> {
  const path = req.url?.split('?', 1)[0] ?? ''
  const range = /^bytes (\d+)-(\d+)\/\*$/.exec(String(req.headers['content-range'] ?? ''))
  for (const [method, pattern, operation] of operations) {
    const match = method === req.method ? pattern.exec(path) : null
    if (match === null) continue
    return {
      operation,
      vault: match[1] ?? '',
      uploadId: match[2] ?? null,
      range: range === null ? null : { first: Number(range[1]), last: Number(range[2]) },
    }
  }
  const vault = /^\/[^/]+\/vaults\/([^/]+)/.exec(path)?.[1] ?? ''
  return { operation: `${req.method} other`, vault, uploadId: null, range: null }
}
