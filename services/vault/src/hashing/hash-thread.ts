import { hash } from 'node:crypto'
import { closeSync, openSync, readSync, unlinkSync, writeSync, writevSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { foldTreeHash, invariant } from '@firn/core'
import { createFileHasher, type FileHasher } from './file-hasher.ts'
import type { HashCall, HashReply, HashRequest, HashResult } from './hash-thread-protocol.ts'

// Runs in a worker thread: everything here is synchronous on purpose, so that bytes are hashed and
// written while they are still in the core's cache.

const DIGEST_BYTES = 32

interface Session {
  readonly fd: number
  readonly path: string
  readonly hasher: FileHasher
  sizeBytes: number
}

const sessions = new Map<number, Session>()
/** Sessions that met an error: blocks already under way to them must not begin a new file. */
const failed = new Set<number>()

/** One call for all of them, as far as the system takes them at once. */
function writeAll(fd: number, chunks: readonly Uint8Array[]): void {
  if (chunks.length === 0) return
  let written = writevSync(fd, chunks)
  for (const chunk of chunks) {
    if (written < chunk.length) writeFully(fd, chunk.subarray(written))
    written = Math.max(0, written - chunk.length)
  }
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; ) start += writeSync(fd, bytes, start)
}

function readFully(fd: number, into: Uint8Array, position: number): boolean {
  for (let start = 0; start < into.length; ) {
    const count = readSync(fd, into, start, into.length - start, position + start)
    if (count === 0) return false
    start += count
  }
  return true
}

function openSession(id: number, path: string): Session {
  const known = sessions.get(id)
  if (known !== undefined) return known
  const session = {
    fd: openSync(path, 'wx', 0o600),
    path,
    hasher: createFileHasher(),
    sizeBytes: 0,
  }
  sessions.set(id, session)
  return session
}

function append(request: Extract<HashRequest, { kind: 'append' }>): HashResult {
  if (failed.has(request.session)) return { kind: 'failed', code: 'EIO', message: 'failed before' }
  try {
    return appendTo(openSession(request.session, request.path), request)
  } catch (error) {
    discard(request.session)
    failed.add(request.session)
    throw error
  }
}

function appendTo(session: Session, request: Extract<HashRequest, { kind: 'append' }>): HashResult {
  for (const chunk of request.chunks) {
    session.hasher.update(chunk)
    session.sizeBytes += chunk.length
  }
  writeAll(session.fd, request.chunks)
  // Not left to the collector of garbage, which such amounts would keep busy.
  for (const chunk of request.chunks) chunk.buffer.transfer(0)
  if (!request.isLast) return { kind: 'done' }
  const { sha256, treeHash, leaves } = session.hasher.finish()
  writeFully(session.fd, leaves)
  sessions.delete(request.session)
  const { fd, sizeBytes } = session
  return { kind: 'finished', file: { fd, sizeBytes, sha256, treeHash } }
}

function discard(id: number): void {
  failed.delete(id)
  const session = sessions.get(id)
  if (session === undefined) return
  sessions.delete(id)
  closeSync(session.fd)
  unlinkSync(session.path)
}

function withFile(path: string, use: (fd: number) => HashResult): HashResult {
  const fd = openSync(path, 'r')
  try {
    return use(fd)
  } finally {
    closeSync(fd)
  }
}

function readLeaves(request: Extract<HashRequest, { kind: 'leaves' }>): HashResult {
  const count = Math.max(1, Math.ceil(request.dataSizeBytes / 1024 ** 2))
  const digests = Buffer.alloc(count * DIGEST_BYTES)
  return withFile(request.path, (fd) => {
    if (!readFully(fd, digests, request.dataSizeBytes)) return { kind: 'rotten' }
    const nodes = Array.from({ length: count }, (_, index) =>
      digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
    )
    const isSound = foldTreeHash(nodes).toString('hex') === request.treeHash
    return isSound ? { kind: 'leaves', digests } : { kind: 'rotten' }
  })
}

function read(request: Extract<HashRequest, { kind: 'read' }>): HashResult {
  const bytes = new Uint8Array(request.memory, 0, request.length)
  return withFile(request.path, (fd) => {
    if (!readFully(fd, bytes, request.position)) return { kind: 'rotten' }
    const isSound = hash('sha256', bytes, 'buffer').equals(request.digest)
    return { kind: isSound ? 'done' : 'rotten' }
  })
}

function perform(request: HashRequest): HashResult {
  switch (request.kind) {
    case 'append':
      return append(request)
    case 'discard':
      discard(request.session)
      return { kind: 'done' }
    case 'leaves':
      return readLeaves(request)
    case 'read':
      return read(request)
  }
}

function answer({ call, request }: HashCall): HashReply {
  try {
    return { call, result: perform(request) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
    const message = error instanceof Error ? error.message : String(error)
    return { call, result: { kind: 'failed', code, message } }
  }
}

const port = parentPort
invariant(port, 'runs as a worker thread')
port.on('message', (message: HashCall) => port.postMessage(answer(message)))
