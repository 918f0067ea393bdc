import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { openRedis, readHealth } from '@firn/redis'
import { startRedis } from '@firn/testing'
import { freePorts } from '../infra/free-ports.ts'

const never = new AbortController().signal

function canMakeCertificates(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('Redis over TLS', { skip: canMakeCertificates() ? false : 'needs openssl' }, () => {
  it('tells when its certificate ends, and nothing of one without TLS', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'firn-redis-tls-'))
    const trusted = getCACertificates('default')
    try {
      const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
      const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
      const args = `req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=localhost -addext ${names} -keyout ${key} -out ${cert}`
      execFileSync('openssl', args.split(' '), { stdio: 'ignore' })
      const [port] = await freePorts(1)
      await using server = await startRedis({
        settings: [
          ['tls-port', String(port)],
          ['tls-cert-file', cert],
          ['tls-key-file', key],
          ['tls-auth-clients', 'no'],
          ['tls-ca-cert-file', cert],
        ],
      })
      const pem = await readFile(cert, 'utf8')
      setDefaultCACertificates([...trusted, pem])
      const url = `rediss://localhost:${port}`
      await using encrypted = await openRedis({ url, role: 'worker' }, never)
      const health = await readHealth(encrypted.client, 5000, never)
      assert.equal(health.certificateEndMs, Date.parse(new X509Certificate(pem).validTo))
      await using plain = await openRedis({ url: server.url, role: 'worker' }, never)
      assert.equal((await readHealth(plain.client, 5000, never)).certificateEndMs, null)
    } finally {
      setDefaultCACertificates(trusted)
      await rm(folder, { recursive: true })
    }
  })
})
