import { invariant } from '@firn/core'

// The 33 operations of the API of 2012-06-01.
const table = {
  CreateVault: 'PUT /:account/vaults/:vault',
  DescribeVault: 'GET /:account/vaults/:vault',
  DeleteVault: 'DELETE /:account/vaults/:vault',
  ListVaults: 'GET /:account/vaults',
  UploadArchive: 'POST /:account/vaults/:vault/archives',
  DeleteArchive: 'DELETE /:account/vaults/:vault/archives/:id',
  InitiateMultipartUpload: 'POST /:account/vaults/:vault/multipart-uploads',
  UploadMultipartPart: 'PUT /:account/vaults/:vault/multipart-uploads/:id',
  CompleteMultipartUpload: 'POST /:account/vaults/:vault/multipart-uploads/:id',
  AbortMultipartUpload: 'DELETE /:account/vaults/:vault/multipart-uploads/:id',
  ListParts: 'GET /:account/vaults/:vault/multipart-uploads/:id',
  ListMultipartUploads: 'GET /:account/vaults/:vault/multipart-uploads',
  InitiateJob: 'POST /:account/vaults/:vault/jobs',
  DescribeJob: 'GET /:account/vaults/:vault/jobs/:id',
  ListJobs: 'GET /:account/vaults/:vault/jobs',
  GetJobOutput: 'GET /:account/vaults/:vault/jobs/:id/output',
  AddTagsToVault: 'POST /:account/vaults/:vault/tags?operation=add',
  RemoveTagsFromVault: 'POST /:account/vaults/:vault/tags?operation=remove',
  ListTagsForVault: 'GET /:account/vaults/:vault/tags',
  SetVaultNotifications: 'PUT /:account/vaults/:vault/notification-configuration',
  GetVaultNotifications: 'GET /:account/vaults/:vault/notification-configuration',
  DeleteVaultNotifications: 'DELETE /:account/vaults/:vault/notification-configuration',
  SetVaultAccessPolicy: 'PUT /:account/vaults/:vault/access-policy',
  GetVaultAccessPolicy: 'GET /:account/vaults/:vault/access-policy',
  DeleteVaultAccessPolicy: 'DELETE /:account/vaults/:vault/access-policy',
  InitiateVaultLock: 'POST /:account/vaults/:vault/lock-policy',
  GetVaultLock: 'GET /:account/vaults/:vault/lock-policy',
  AbortVaultLock: 'DELETE /:account/vaults/:vault/lock-policy',
  CompleteVaultLock: 'POST /:account/vaults/:vault/lock-policy/:id',
  SetDataRetrievalPolicy: 'PUT /:account/policies/data-retrieval',
  GetDataRetrievalPolicy: 'GET /:account/policies/data-retrieval',
  ListProvisionedCapacity: 'GET /:account/provisioned-capacity',
  PurchaseProvisionedCapacity: 'POST /:account/provisioned-capacity',
} as const

export type Operation = keyof typeof table

export interface Match {
  readonly operation: Operation
  readonly account: string
  readonly vault: string
  readonly id: string
}

interface Route {
  readonly operation: Operation
  readonly method: string
  readonly segments: readonly string[]
  /** The value that the query's `operation` must have; empty for any. */
  readonly action: string
}

export function isOperation(name: string): name is Operation {
  return Object.hasOwn(table, name)
}

const routes: readonly Route[] = Object.entries(table).map(([operation, pattern]) => {
  const [, method, path, action] = /^([A-Z]+) \/([^?]+)(?:\?operation=(.*))?$/.exec(pattern) ?? []
  invariant(isOperation(operation) && method && path, `route "${pattern}"`)
  return { operation, method, segments: path.split('/'), action: action ?? '' }
})

/**
 * The operation that a request means. Segments are compared one by one: nothing is normalised, so
 * `..` is a vault's name and an empty name stays empty.
 *
 * @param path as sent, percent-encoded, without the query.
 * @throws URIError when a segment is not well percent-encoded.
 */
export function matchRoute(
  method: string,
  path: string,
  query: ReadonlyMap<string, string>,
): Match | undefined {
  const segments = path.split('/').slice(1).map(decodeURIComponent)
  for (const route of routes) {
    if (route.method !== method || route.segments.length !== segments.length) continue
    if (route.action !== '' && route.action !== query.get('operation')) continue
    const named = capture(route, segments)
    if (named !== undefined) return { operation: route.operation, ...named }
  }
  return undefined
}

function capture(route: Route, segments: readonly string[]): Omit<Match, 'operation'> | undefined {
  const named = { account: '', vault: '', id: '' }
  for (const [at, pattern] of route.segments.entries()) {
    const value = segments[at] ?? ''
    if (pattern === ':account') named.account = value
    else if (pattern === ':vault') named.vault = value
    else if (pattern === ':id') named.id = value
    else if (pattern !== value) return undefined
  }
  return named
}

/** The query's parameters, decoded; the first of several with one name. */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const pair of query.split('&')) {
    const [name = '', ...value] = pair.split('=')
    const key = decodeURIComponent(name)
    if (key !== '' && !values.has(key)) values.set(key, decodeURIComponent(value.join('=')))
  }
  return values
}
