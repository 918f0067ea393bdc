import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

// A Glacier that keeps no byte: it checks nothing, stores nothing but the hashes that ListParts
// has to repeat, and answers as soon as a body has gone by. What a run against it costs is the
// client's own cost. It runs in a process of its own, so that its cost can be told apart.

const { values } = parseArgs({ options: { 'latency-ms': { type: 'string', default: '0' } } })
const latencyMs = Number(values['latency-ms'])

interface SinkUpload {
  readonly partSizeBytes: number
  readonly createdAt: string
  readonly treeHashByStart: Map<number, { readonly range: string; readonly treeHash: string }>
}

const PAGE_MAX = 1000
const uploads = new Map<string, SinkUpload>()
let uploadCount = 0
let parts = { count: 0, firstAtMs: 0, lastAtMs: 0 }

const server = createServer((req, res) => {
  req.resume()
  req.once('end', () => void answer(req, res))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
process.once('disconnect', () => process.exit())

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://sink')
  if (url.pathname === '/sink/parts') {
    if (req.method === 'DELETE') parts = { count: 0, firstAtMs: 0, lastAtMs: 0 }
    return json(res, parts)
  }
  if (latencyMs > 0) await sleep(latencyMs)
  const [, , kind, , collection, id] = url.pathname.split('/')
  if (kind === 'vaults' && collection === 'multipart-uploads') {
    if (id === undefined) uploadsOf(req, res)
    else uploadOf(req, res, decodeURIComponent(id), url.searchParams.get('marker'))
  } else if (req.method === 'PUT') {
    res.writeHead(201, { location: url.pathname }).end()
  } else {
    json(res, { VaultList: [], Marker: null })
  }
}

function uploadsOf(req: IncomingMessage, res: ServerResponse): void {
  if (req.method !== 'POST') {
    json(res, { UploadsList: [], Marker: null })
    return
  }
  uploadCount += 1
  const id = `sink-${uploadCount}`.padEnd(92, 'u')
  uploads.set(id, {
    partSizeBytes: Number(header(req, 'x-amz-part-size')),
    createdAt: new Date().toISOString(),
    treeHashByStart: new Map(),
  })
  res.writeHead(201, { 'x-amz-multipart-upload-id': id, location: `${req.url}/${id}` }).end()
}

function uploadOf(
  req: IncomingMessage,
  res: ServerResponse,
  id: string,
  marker: string | null,
): void {
  const upload = uploads.get(id)
  if (upload === undefined) {
    res.writeHead(404, { 'content-type': 'application/json' })
    res.end('{"code":"ResourceNotFoundException","message":"no such upload","type":"Client"}')
  } else if (req.method === 'PUT') {
    takePart(req, res, upload)
  } else if (req.method === 'GET') {
    listParts(res, id, upload, Number(marker ?? 0))
  } else if (req.method === 'POST') {
    const archiveId = `archive-${uploadCount}`.padEnd(138, 'a')
    const treeHash = header(req, 'x-amz-sha256-tree-hash')
    const location = `/-/vaults/bench/archives/${archiveId}`
    uploads.delete(id)
    res
      .writeHead(201, {
        'x-amz-archive-id': archiveId,
        'x-amz-sha256-tree-hash': treeHash,
        location,
      })
      .end()
  } else {
    uploads.delete(id)
    res.writeHead(204).end()
  }
}

function takePart(req: IncomingMessage, res: ServerResponse, upload: SinkUpload): void {
  const [, range = '', start = ''] = /^bytes ((\d+)-\d+)\//.exec(header(req, 'content-range')) ?? []
  const treeHash = header(req, 'x-amz-sha256-tree-hash')
  upload.treeHashByStart.set(Number(start), { range, treeHash })
  const nowMs = performance.now()
  parts = {
    count: parts.count + 1,
    firstAtMs: parts.count === 0 ? nowMs : parts.firstAtMs,
    lastAtMs: nowMs,
  }
  res.writeHead(204, { 'x-amz-sha256-tree-hash': treeHash }).end()
}

function listParts(res: ServerResponse, id: string, upload: SinkUpload, from: number): void {
  const starts = [...upload.treeHashByStart.keys()].sort((a, b) => a - b)
  const next = from + PAGE_MAX
  json(res, {
    MultipartUploadId: id,
    PartSizeInBytes: upload.partSizeBytes,
    CreationDate: upload.createdAt,
    Parts: starts.slice(from, next).flatMap((start) => {
      const part = upload.treeHashByStart.get(start)
      return part === undefined ? [] : [{ RangeInBytes: part.range, SHA256TreeHash: part.treeHash }]
    }),
    Marker: next < starts.length ? String(next) : null,
  })
}

function header(req: IncomingMessage, name: string): string {
  const value = req.headers[name]
  return typeof value === 'string' ? value : ''
}

function json(res: ServerResponse, body: unknown): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
