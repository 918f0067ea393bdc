import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { MIB } from '@firn/core'
import { createGlacier } from '@firn/glacier'
import {
  type Answer,
  aPart,
  environment,
  hasCode,
  never,
  streamOf,
  until,
  upload,
} from './glacier-scripted-server.ts'

/** A certificate for localhost that nobody trusts yet, or undefined without openssl. */
async function makeCertificate(): Promise<{ key: string; cert: string } | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'firn-tls-'))
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  const args = `req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext ${names} -keyout ${key} -out ${cert}`
  try {
    execFileSync('openssl', args.split(' '), { stdio: 'ignore' })
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
  } catch {
    return undefined
  } finally {
    await rm(folder, { recursive: true })
  }
}

const certificate = await makeCertificate()

describe('createGlacier() over TLS', { skip: certificate ? false : 'needs openssl' }, () => {
  let server: Server
  let answer: Answer = (_req, res) => res.end()
  let trusted: string[]

  before(async () => {
    Object.assign(process.env, environment)
    trusted = getCACertificates('default')
    server = createServer({ ...certificate }, (req, res) => void (async () => answer(req, res))())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    process.env.AWS_ENDPOINT_URL_GLACIER = `https://localhost:${port}`
  })
  after(() => {
    setDefaultCACertificates(trusted)
    server.close()
    server.closeAllConnections()
  })

  it('waits for an operator, not in vain, when the certificate is not trusted', async () => {
    await using glacier = createGlacier()
    await assert.rejects(glacier.abortUpload(upload, never), hasCode('GLACIER_CREDENTIALS'))
  })

  it('sends parts of any length, from memory in slices and from a stream', async () => {
    setDefaultCACertificates([...trusted, certificate?.cert ?? ''])
    await using glacier = createGlacier()
    let received = Buffer.alloc(0)
    answer = async (req, res) => {
      received = await buffer(req)
      res.writeHead(204, { 'x-amz-sha256-tree-hash': req.headers['x-amz-sha256-tree-hash'] })
      res.end()
    }
    for (const sizeBytes of [1, MIB - 1, MIB, MIB + 1, 2 * MIB, 9 * MIB + 77]) {
      const part = aPart(sizeBytes)
      for (const body of [part.body, streamOf(part.body)]) {
        await glacier.uploadPart({ ...part, body }, never)
        assert.ok(received.equals(part.body))
      }
    }
  })

  it('gives up in the middle of a part when it is aborted', async () => {
    setDefaultCACertificates([...trusted, certificate?.cert ?? ''])
    await using glacier = createGlacier()
    let isClosed = false
    let isBegun = false
    answer = (req) => {
      req.socket.once('close', () => {
        isClosed = true
      })
      req.once('data', () => {
        isBegun = true
      })
    }
    const abort = new AbortController()
    const sending = glacier.uploadPart(aPart(64 * MIB), abort.signal)
    await until(() => isBegun)
    abort.abort(new Error('cancelled'))
    await assert.rejects(sending, /cancelled/)
    await until(() => isClosed)
  })
})
