import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { resetSocket } from './reset-socket.ts'
import { sip, trickle, untilGone } from './slow-answers.ts'

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
  /** Glacier carries it out, or not, and says nothing until the client gives up. */
  | { readonly type: 'silence'; readonly isCommitted: boolean }
  /** Glacier takes so long: it carries it out afterwards, whether or not anybody still waits. */
  | { readonly type: 'late'; readonly ms: number }
  /** Glacier carries it out; the answer comes byte by byte and does not end before the client does. */
  | { readonly type: 'trickle' }
  /** The body is read byte by byte and never to its end. */
  | { readonly type: 'sip' }
  /** One bit of the body is wrong on the wire. */
  | { readonly type: 'flip-bit' }
  /** Glacier confirms another hash than it was sent. */
  | { readonly type: 'wrong-hash' }

export type Rule = (call: GateCall) => Promise<Verdict>

/** One request as it went: what the outside checker takes for what Glacier was asked. */
export interface GateRecord extends GateCall {
  readonly beganAtMs: number
  /** When Glacier's answer was there, or its place was taken by something else. */
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
  /** Whether connections are accepted; open ones are reset when they are not. */
  readonly setOpen: (isOpen: boolean) => Promise<void>
  /** The most requests of that vault and operation that were under way at once. */
  readonly peak: (vault: string, operation: string) => number
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
  const underWay = countUnderWay()

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const named = nameCall(req)
    const counted = `${named.vault} ${named.operation}`
    const number = (counts.get(counted) ?? 0) + 1
    counts.set(counted, number)
    const call = { ...named, number, beganAtMs: Date.now() }
    res.on('close', underWay.begin(counted))
    const verdict = await (rules.get(call.vault) ?? letPass)(call)
    if (verdict.type !== 'pass') faults += 1
    const done = await carryOut({ verdict, target, req, res })
    records.push({ ...call, ...done, verdict: verdict.type })
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
  const { port } = address
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    url: `http://127.0.0.1:${port}`,
    leadTo(endpoint) {
      target = new URL(endpoint)
    },
    rule(vault, rule) {
      if (rule === null) rules.delete(vault)
      else rules.set(vault, rule)
    },
    records: (vault) => records.filter((record) => record.vault === vault),
    faultCount: () => faults,
    peak: (vault, operation) => underWay.peak(`${vault} ${operation}`),
    async setOpen(isOpen) {
      if (!isOpen) return await close()
      if (!server.listening) await once(server.listen(port, '127.0.0.1'), 'listening')
    },
    [Symbol.asyncDispose]: close,
  }
}

/** Counts what is under way at once, by name. */
function countUnderWay() {
  const counts = new Map<string, { now: number; peak: number }>()
  return {
    begin(name: string): () => void {
      const count = counts.get(name) ?? { now: 0, peak: 0 }
      counts.set(name, count)
      count.now += 1
      count.peak = Math.max(count.peak, count.now)
      return () => {
        count.now -= 1
      }
    },
    peak: (name: string): number => counts.get(name)?.peak ?? 0,
  }
}

interface Done {
  readonly atMs: number
  readonly bodyBytes: number
  readonly status: number | null
  readonly deliver: () => void
}

interface Exchange {
  readonly verdict: Verdict
  readonly target: URL
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

async function carryOut(exchange: Exchange): Promise<Done> {
  const { verdict, req, res } = exchange
  const reset = (): void => {
    resetSocket(req.socket)
  }
  const cut = { bodyBytes: 0, status: null, deliver: reset }
  if (verdict.type === 'reset' && verdict.when !== 'body') {
    if (verdict.when === 'half') await begun(req)
    return { ...cut, atMs: Date.now() }
  }
  if (verdict.type === 'sip') {
    sip(req, res)
    return { ...cut, atMs: Date.now(), deliver: () => {} }
  }
  const body = await buffer(req)
  const unseen = { bodyBytes: body.length, status: null, deliver: reset }
  switch (verdict.type) {
    case 'answer':
      return { ...unseen, atMs: Date.now(), deliver: () => say(res, verdict.answer) }
    case 'reset':
      return { ...unseen, atMs: Date.now() }
    case 'hang':
      await verdict.until
      return { ...unseen, atMs: Date.now() }
    case 'silence':
      if (verdict.isCommitted) break
      await untilGone(res)
      return { ...unseen, atMs: Date.now() }
    case 'late':
      await sleep(verdict.ms)
      break
    default:
  }
  return await passOn(exchange, body)
}

/** Some of the body has come; one without a body has come whole with its head. */
async function begun(req: IncomingMessage): Promise<void> {
  const seen = new AbortController()
  const first = ['data', 'end', 'close'].map((event) => once(req, event, { signal: seen.signal }))
  await Promise.race(first)
  seen.abort()
  await Promise.allSettled(first)
}

/** Lets Glacier carry it out, and does to its answer what the verdict says. */
async function passOn({ verdict, target, req, res }: Exchange, body: Buffer): Promise<Done> {
  const sent = verdict.type === 'flip-bit' ? flipBit(body) : body
  const answer = await forward(target, req, sent)
  const { status, headers } = answer
  const seen = { atMs: Date.now(), bodyBytes: body.length, status }
  const reset = (): void => {
    resetSocket(req.socket)
  }
  switch (verdict.type) {
    case 'silence':
      await untilGone(res)
      return { ...seen, deliver: reset }
    case 'trickle':
      await trickle(res, status)
      return { ...seen, deliver: reset }
    case 'commit-then-reset':
      await verdict.committed?.()
      return { ...seen, deliver: reset }
    case 'commit-then-answer':
      return { ...seen, deliver: () => say(res, verdict.answer) }
    case 'wrong-hash':
      headers['x-amz-sha256-tree-hash'] = '0'.repeat(64)
      break
    default:
  }
  return { ...seen, deliver: () => void res.writeHead(status, headers).end(answer.body) }
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
