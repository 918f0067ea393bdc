import type { ClusterNode, RedisOptions } from 'ioredis'

/** Without `replyMapping`, whose default BullMQ relies on. */
type Options = Omit<RedisOptions, 'replyMapping'>
type Credentials = Pick<Options, 'username' | 'password' | 'tls'>

/** Where Redis is, and how it is reached. `label` names it in messages, without credentials. */
export type RedisTarget =
  | { readonly kind: 'single'; readonly label: string; readonly options: Options }
  | {
      readonly kind: 'cluster'
      readonly label: string
      readonly nodes: ClusterNode[]
      readonly options: Credentials
    }

const SHAPES =
  'redis://host:port/db, rediss://host:port/db, unix:///path?db=0, ' +
  'redis+sentinel://host:port,host:port/name/db or redis+cluster://host:port,host:port'

const NETWORK =
  /^(?<scheme>rediss?)(?:\+(?<mode>sentinel|cluster))?:\/\/(?:(?<user>[^@/:]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)(?<path>\/[^?#]*)?$/
const SOCKET = /^(?:redis\+)?unix:\/\/(?<path>\/[^?#]+)(?:\?db=(?<db>[0-9]{1,4}))?$/

/**
 * Reads a Redis URL: one server (TCP, TLS or a Unix socket), Sentinel or Cluster. Credentials are
 * percent-encoded. Throws when `text` is none of these; the message repeats no credentials.
 */
export function parseRedisUrl(text: string): RedisTarget {
  const socket = SOCKET.exec(text)?.groups
  if (socket?.path !== undefined) {
    const db = Number(socket.db ?? 0)
    const path = decodeURIComponent(socket.path)
    return { kind: 'single', label: `unix://${path}`, options: { path, db } }
  }
  const url = NETWORK.exec(text)?.groups
  if (url === undefined) throw malformed()
  const hosts = (url.hosts ?? '').split(',').map(parseHost)
  const segments = (url.path ?? '').split('/').filter((segment) => segment !== '')
  const label = `${url.scheme}${url.mode ? `+${url.mode}` : ''}://${url.hosts}`
  const shared = { ...credentials(url), ...(url.scheme === 'rediss' ? { tls: {} } : {}) }
  switch (url.mode) {
    case 'cluster':
      if (segments.length > 0) throw malformed()
      return { kind: 'cluster', label, nodes: hosts, options: shared }
    case 'sentinel':
      return { kind: 'single', label, options: { ...shared, ...sentinel(hosts, segments) } }
    default: {
      const [host] = hosts
      if (host === undefined || hosts.length > 1 || segments.length > 1) throw malformed()
      return { kind: 'single', label, options: { ...shared, ...host, db: parseDb(segments[0]) } }
    }
  }
}

interface Host {
  readonly host: string
  readonly port: number
}

/** `host`, `host:port` or `[IPv6]:port`. */
function parseHost(text: string): Host {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.%]+)\]|(?<name>[^:[\]]+))(?::(?<port>[0-9]{1,5}))?$/.exec(
    text,
  )
  const host = match?.groups?.v6 ?? match?.groups?.name
  const port = Number(match?.groups?.port ?? 6379)
  if (host === undefined || port < 1 || port > 65_535) throw malformed()
  return { host, port }
}

function sentinel(hosts: readonly Host[], segments: readonly string[]): Options {
  const [name, db, ...rest] = segments
  if (name === undefined || rest.length > 0) throw malformed()
  return { sentinels: [...hosts], name: decodeURIComponent(name), db: parseDb(db) }
}

function credentials(url: Readonly<Record<string, string | undefined>>): Credentials {
  const username = decodeURIComponent(url.user ?? '')
  const password = decodeURIComponent(url.password ?? '')
  return {
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  }
}

function parseDb(text = '0'): number {
  if (!/^[0-9]{1,4}$/.test(text)) throw malformed()
  return Number(text)
}

function malformed(): Error {
  return new Error(`Redis URL is not understood: expected ${SHAPES}`)
}
