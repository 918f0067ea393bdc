import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { openRedis, readHealth } from '@firn/redis'
import { startRedis } from '@firn/testing'
import { freePorts } from '../infra/free-ports.ts'
import { hasOpenssl, makeCertificate } from '../infra/make-certificate.ts'

const never = new AbortController().signal

describe('Redis over TLS', { skip: hasOpenssl() ? false : 'needs openssl' }, () => {
  it('tells when its certificate ends, and nothing of one without TLS', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'firn-redis-tls-'))
    const trusted = getCACertificates('default')
    try {
      const { cert, certFile, keyFile } = await makeCertificate(folder, 9)
      const [port] = await freePorts(1)
      await using server = await startRedis({
        settings: [
          ['tls-port', String(port)],
          ['tls-cert-file', certFile],
          ['tls-key-file', keyFile],
          ['tls-ca-cert-file', certFile],
          ['tls-auth-clients', 'no'],
        ],
      })
      setDefaultCACertificates([...trusted, cert])
      const url = `rediss://localhost:${port}`
      await using encrypted = await openRedis({ url, role: 'worker' }, never)
      const health = await readHealth(encrypted.client, 5000, never)
      assert.equal(health.certificateEndMs, Date.parse(new X509Certificate(cert).validTo))
      await using plain = await openRedis({ url: server.url, role: 'worker' }, never)
      assert.equal((await readHealth(plain.client, 5000, never)).certificateEndMs, null)
    } finally {
      setDefaultCACertificates(trusted)
      await rm(folder, { recursive: true })
    }
  })
})
