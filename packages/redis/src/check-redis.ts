import { AppError } from '@firn/core'
import type { Cluster, Redis } from 'ioredis'
import { withDeadline } from './with-deadline.ts'

const VERSION_MIN = '6.2'
const TIMEOUT_MS = 5000

/**
 * Looks whether this Redis can be trusted with jobs. Resolves with warnings (durability that a
 * power cut would miss); rejects with `STORE_UNAVAILABLE` when jobs would be lost or refused. Every
 * message says what to change. Of a cluster, each primary is asked.
 */
export async function checkRedis(
  connection: { readonly client: Redis | Cluster; readonly label: string },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { client, label } = connection
  signal.throwIfAborted()
  const nodes = 'nodes' in client ? client.nodes('master') : [client]
  const findings = await withDeadline(readNodes(nodes), TIMEOUT_MS, signal).catch((cause) => {
    if (signal.aborted) throw signal.reason
    throw new AppError('STORE_UNAVAILABLE', `Cannot inspect Redis at ${label}`, { cause })
  })
  const refusals = unique(findings.flatMap(refusalsOf))
  if (refusals.length > 0) {
    throw new AppError(
      'STORE_UNAVAILABLE',
      `Redis at ${label} cannot hold jobs: ${refusals.join('; ')}`,
    )
  }
  return unique(findings.flatMap(warningsOf))
}

interface Findings {
  readonly info: ReadonlyMap<string, string>
  /** Undefined where a managed service forbids CONFIG. */
  readonly appendfsync: string | undefined
}

async function readNodes(nodes: readonly Redis[]): Promise<Findings[]> {
  return await Promise.all(
    nodes.map(async (node) => ({
      info: parseInfo(await node.info()),
      appendfsync: await readAppendfsync(node),
    })),
  )
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  const lines = text.split(/\r?\n/).map((line) => line.split(':'))
  return new Map(lines.map(([key = '', ...value]) => [key, value.join(':')]))
}

async function readAppendfsync(node: Redis): Promise<string | undefined> {
  try {
    const reply: unknown = await node.config('GET', 'appendfsync')
    return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined
  } catch {
    return undefined
  }
}

function refusalsOf({ info }: Findings): string[] {
  const refusals: string[] = []
  const version = info.get('redis_version') ?? '0'
  if (isOlder(version, VERSION_MIN)) {
    refusals.push(`its version is ${version}, upgrade to ${VERSION_MIN} or later`)
  }
  const policy = info.get('maxmemory_policy')
  if (policy !== 'noeviction') {
    refusals.push(
      `maxmemory-policy is "${policy}", which drops jobs when memory is short; set "maxmemory-policy noeviction"`,
    )
  }
  if (info.get('role') === 'slave' && info.get('slave_read_only') !== '0') {
    refusals.push(
      'it is a read-only replica; point REDIS_URL at the primary, or use redis+sentinel://',
    )
  }
  return refusals
}

function warningsOf({ info, appendfsync }: Findings): string[] {
  if (info.get('aof_enabled') !== '1') {
    return [
      'Redis keeps no append-only file: a restart loses jobs until they are recovered from the journal; set "appendonly yes" and "appendfsync always"',
    ]
  }
  if (appendfsync === undefined) {
    return ['Redis does not tell its appendfsync setting; make sure that it is "always"']
  }
  if (appendfsync === 'always') return []
  return [
    `appendfsync is "${appendfsync}": a power cut loses about the last second of progress; set "appendfsync always"`,
  ]
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number)
  return major < thanMajor || (major === thanMajor && minor < thanMinor)
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}
