import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Authenticator } from '../auth/authenticator.ts'
import {
  accessDenied,
  GlacierError,
  invalidParameter,
  missingParameter,
  notFound,
} from '../glacier-error.ts'
import { contentHashMismatch } from '../operations/receive-body.ts'
import type { Call } from './call.ts'
import { type Match, matchRoute, type Operation, parseQuery } from './routes.ts'

/** Far above the largest document that any operation takes, a policy of 20 KB in escaped JSON. */
const BODY_MAX_BYTES = 256 * 1024
const uploads: readonly Operation[] = ['UploadArchive', 'UploadMultipartPart']

/**
 * Makes a call of a request: finds its operation, verifies its signature and reads its body,
 * except that of an upload. Throws what Glacier would answer.
 */
export async function readCall(
  req: IncomingMessage,
  res: ServerResponse,
  options: {
    readonly authenticator: Authenticator
    readonly receivedAtMs: number
    readonly onOperation: (operation: Operation) => void
  },
): Promise<{ readonly call: Call; readonly operation: Operation }> {
  const target = parseTarget(req)
  const match = findOperation(target)
  options.onOperation(match.operation)
  const isUpload = uploads.includes(match.operation)
  const claimedHash = contentHash(req, isUpload)
  const headers = pairsOf(req.rawHeaders)
  const authenticate = (payloadHash: string) =>
    options.authenticator.authenticate({ ...target, headers }, payloadHash, options.receivedAtMs)
  // Before the body is read, wherever the headers alone can tell.
  const early = claimedHash === undefined && !isUpload ? undefined : authenticate(claimedHash ?? '')
  const body = isUpload ? Buffer.alloc(0) : await readBody(req, res)
  const computed = hash('sha256', body)
  if (!isUpload && claimedHash !== undefined && claimedHash.toLowerCase() !== computed) {
    throw contentHashMismatch(computed, claimedHash)
  }
  const credential = early ?? authenticate(computed)
  const { accountId } = credential
  checkVersion(req)
  checkAccount(match, accountId)
  const call: Call = {
    accountId,
    vaultName: match.vault,
    id: match.id,
    query: target.parameters,
    header: (name) => {
      const value = req.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    body,
    openBody() {
      continueBody(req, res)
      return req
    },
  }
  return { call, operation: match.operation }
}

interface Target {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly parameters: ReadonlyMap<string, string>
}

/** Splits the target as it came: a URL parser would take `/..` for a step up. */
function parseTarget(req: IncomingMessage): Target {
  const url = req.url ?? '/'
  const at = url.indexOf('?')
  const path = at === -1 ? url : url.slice(0, at)
  const query = at === -1 ? '' : url.slice(at + 1)
  try {
    return { method: req.method ?? 'GET', path, query, parameters: parseQuery(query) }
  } catch (error) {
    throw badEncoding(error)
  }
}

function badEncoding(cause: unknown): GlacierError {
  return new GlacierError('BadRequest', 'The request target is not well percent-encoded.', {
    cause,
  })
}

function findOperation(target: Target): Match {
  let match: Match | undefined
  try {
    match = matchRoute(target.method, target.path, target.parameters)
  } catch (error) {
    throw badEncoding(error)
  }
  if (match !== undefined) return match
  if (target.method === 'POST' && target.path.endsWith('/tags')) {
    const action = target.parameters.get('operation')
    if (action === undefined) throw missingParameter('operation')
    throw invalidParameter(`Invalid operation: ${action}`)
  }
  throw notFound(`No operation matches ${target.method} ${target.path}`)
}

function pairsOf(rawHeaders: readonly string[]): readonly (readonly [string, string])[] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([(rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? ''])
  }
  return pairs
}

/** `x-amz-content-sha256`; an upload must have it, and no call may leave its payload unsigned. */
function contentHash(req: IncomingMessage, isUpload: boolean): string | undefined {
  const text = req.headers['x-amz-content-sha256']
  if (typeof text !== 'string' || text === '') {
    if (isUpload && req.headers.authorization !== undefined) {
      throw missingParameter('x-amz-content-sha256')
    }
    return undefined
  }
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text
  throw new GlacierError(
    'InvalidSignatureException',
    `The value passed in as x-amz-content-sha256 is not the SHA-256 of a payload: ${text}`,
  )
}

function checkVersion(req: IncomingMessage): void {
  const version = req.headers['x-amz-glacier-version']
  if (version === undefined) throw missingParameter('API version')
  if (version !== '2012-06-01') throw invalidParameter(`Invalid API version: ${String(version)}`)
}

function checkAccount(match: Match, accountId: string): void {
  if (match.account === '-' || match.account === accountId) return
  throw accessDenied(
    `User: ${accountId} is not authorized to perform: glacier:${match.operation} on account ${match.account}`,
  )
}

/** Sends `100 Continue` to a client that waits for it; see `checkContinue` of node:http. */
function continueBody(req: IncomingMessage, res: ServerResponse): void {
  if (req.headers.expect?.toLowerCase() === '100-continue') res.writeContinue()
}

async function readBody(req: IncomingMessage, res: ServerResponse): Promise<Buffer> {
  continueBody(req, res)
  const chunks: Buffer[] = []
  let sizeBytes = 0
  // A plain loop would destroy the connection when it ends early, and the answer with it.
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue
    sizeBytes += chunk.length
    if (sizeBytes > BODY_MAX_BYTES) {
      throw new GlacierError('BadRequest', `The body is longer than ${BODY_MAX_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
