import { type ChildProcess, spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { Glacier } from '@aws-sdk/client-glacier'
import {
  canonicalRequest,
  sign,
  signingKey,
  stringToSign,
} from '../../services/vault/src/auth/signature.ts'

export const ACCOUNT_ID = '111122223333'
export const REGION = 'us-east-1'
const MAIN = resolve(import.meta.dirname, '../../services/vault/src/main.ts')
const START_MAX_MS = 30_000

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export const credentials: Credentials = {
  accessKeyId: 'AKIDTEST',
  secretAccessKey: 'a secret for tests'.replaceAll(' ', '-'),
}

/** A directory that is deleted with all it holds. */
export async function scratchDir(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'firn-vault-'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

export interface VaultProcess extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly controlPort: number | undefined
  readonly child: ChildProcess
  /** Everything it printed. */
  readonly output: () => string
  /** Sends a signal and waits for the exit. */
  readonly stop: (signal: NodeJS.Signals) => Promise<{ readonly code: number | null }>
}

/** Spawns the vault and does not wait for it. */
export function spawnVault(dataDir: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      VAULT_PORT: '0',
      VAULT_DATA_DIR: dataDir,
      VAULT_ACCESS_KEY_ID: credentials.accessKeyId,
      VAULT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** A vault in a process of its own, on a free port, ready. Disposing it stops it gently. */
export async function startVault(
  dataDir: string,
  env: NodeJS.ProcessEnv = {},
): Promise<VaultProcess> {
  const child = spawnVault(dataDir, env)
  const lines: string[] = []
  const { promise, resolve: found, reject } = Promise.withResolvers<Record<string, unknown>>()
  const timer = setTimeout(() => reject(new Error(`not listening:\n${lines}`)), START_MAX_MS)
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) throw new Error('The vault has no output')
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (line.includes('"msg":"listening"')) found(JSON.parse(line))
    })
  }
  child.once('exit', (code) => reject(new Error(`exited with ${code}:\n${lines.join('\n')}`)))
  const listening = await promise.finally(() => clearTimeout(timer))
  const port = Number(listening.port)
  const stop = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    }
    return { code: child.exitCode }
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    controlPort: typeof listening.controlPort === 'number' ? listening.controlPort : undefined,
    child,
    output: () => lines.join('\n'),
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGTERM')
    },
  }
}

/** A client of the AWS SDK that tries once. Dispose it with `destroy()`. */
export function sdkClient(url: string, options: { readonly as?: Credentials } = {}): Glacier {
  return new Glacier({
    region: REGION,
    endpoint: url,
    credentials: options.as ?? credentials,
    maxAttempts: 1,
    requestHandler: { requestTimeout: 60_000, throwOnRequestTimeout: true },
  })
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** Left out of the headers. */
  readonly omit?: readonly string[]
  readonly as?: Credentials
  readonly region?: string
  readonly service?: string
  readonly signedAtMs?: number
  /** What stands in the canonical request in place of the body's hash. */
  readonly payloadHash?: string
}

/** The headers of a request with its signature among them. */
export function signedHeaders(url: string, input: RawRequest): Record<string, string> {
  const amzDate = new Date(input.signedAtMs ?? Date.now()).toISOString().replace(/[-:]|\.\d+/g, '')
  const payloadHash = input.payloadHash ?? hash('sha256', Buffer.from(input.body ?? ''))
  const headers: Record<string, string> = {
    host: new URL(url).host,
    'x-amz-date': amzDate,
    'x-amz-glacier-version': '2012-06-01',
    'x-amz-content-sha256': payloadHash,
    ...input.headers,
  }
  for (const name of input.omit ?? []) delete headers[name]
  const [path = '', query = ''] = input.path.split('?')
  const names = Object.keys(headers).sort()
  const scope = {
    date: amzDate.slice(0, 8),
    region: input.region ?? REGION,
    service: input.service ?? 'glacier',
  }
  const canonical = canonicalRequest({
    method: input.method,
    path,
    query,
    headers: Object.entries(headers),
    signedHeaders: names,
    payloadHash,
  })
  const { accessKeyId, secretAccessKey } = input.as ?? credentials
  const key = signingKey(secretAccessKey, scope)
  const signature = sign(key, stringToSign(canonical, amzDate, scope)).toString('hex')
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/aws4_request`
  headers.authorization =
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scopeText}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${signature}`
  return headers
}

const agent = new Agent({ keepAlive: false })

/** Sends a request as it is, signed unless told otherwise; the path is not touched. */
export async function send(
  url: string,
  input: RawRequest & { readonly isUnsigned?: boolean },
): Promise<RawAnswer> {
  const headers = input.isUnsigned ? { ...input.headers } : signedHeaders(url, input)
  const body = Buffer.from(input.body ?? '')
  const { hostname, port } = new URL(url)
  const req = request({
    agent,
    hostname,
    port,
    method: input.method,
    path: input.path,
    headers: { 'content-length': String(body.length), ...headers },
  })
  req.end(body)
  const [res] = await once(req, 'response')
  return { status: res.statusCode, headers: res.headers, body: await buffer(res) }
}

/** The error in the body of an answer. */
export function errorOf(answer: RawAnswer): { readonly code: string; readonly message: string } {
  return JSON.parse(answer.body.toString())
}

/** Bytes that differ from one another and from those of another seed. */
export function someBytes(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  let state = seed >>> 0 || 1
  for (let at = 0; at + 4 <= sizeBytes; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes.writeUInt32LE(state, at)
  }
  for (let at = sizeBytes - (sizeBytes % 4); at < sizeBytes; at += 1) bytes[at] = (seed + at) & 0xff
  return bytes
}

async function control(
  vault: VaultProcess,
  request_: { readonly method: string; readonly path: string; readonly body?: object },
): Promise<unknown> {
  const res = await fetch(`http://127.0.0.1:${vault.controlPort}${request_.path}`, {
    method: request_.method,
    ...(request_.body && { body: JSON.stringify(request_.body) }),
  })
  const answer: unknown = await res.json()
  if (!res.ok) throw new Error(`${request_.method} ${request_.path}: ${JSON.stringify(answer)}`)
  return answer
}

/** Moves the vault's clock forward; resolves with its new time. */
export async function advanceClock(vault: VaultProcess, advanceMs: number): Promise<string> {
  const answer = await control(vault, { method: 'POST', path: '/clock', body: { advanceMs } })
  return (answer as { now: string }).now
}

/** Replaces the vault's fault rules. */
export async function setFaults(vault: VaultProcess, ...rules: readonly object[]): Promise<void> {
  await control(vault, { method: 'PUT', path: '/faults', body: { rules } })
}

export interface VaultStats {
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly receivedBytes: number
  readonly partsInFlightPeak: number
}

export async function readStats(vault: VaultProcess): Promise<VaultStats> {
  return (await control(vault, { method: 'GET', path: '/stats' })) as VaultStats
}
