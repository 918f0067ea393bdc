import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface TestCertificate {
  readonly keyFile: string
  readonly certFile: string
  /** PEM. */
  readonly key: string
  readonly cert: string
}

/** Whether certificates can be made here. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A certificate of localhost for some days from now, signed by itself, in the directory. */
export async function makeCertificate(directory: string, days: number): Promise<TestCertificate> {
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  const args = `req -x509 -newkey rsa:2048 -nodes -days ${days} -subj /CN=localhost -addext ${names} -keyout ${keyFile} -out ${certFile}`
  execFileSync('openssl', args.split(' '), { stdio: 'ignore' })
  const [key, cert] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certFile, 'utf8')])
  return { keyFile, certFile, key, cert }
}
