import { TLSSocket } from 'node:tls'
import type { Redis } from 'ioredis'

/**
 * When the first of the certificates ends that these connections were shown, Unix time in
 * milliseconds; null when none is encrypted. A certificate that was renewed meanwhile is seen with
 * the next connection.
 */
export function certificateEndMs(nodes: readonly Pick<Redis, 'stream'>[]): number | null {
  const ends = nodes.flatMap(({ stream }) => {
    if (!(stream instanceof TLSSocket)) return []
    const endMs = Date.parse(stream.getPeerCertificate().valid_to)
    // A session that was resumed shows no certificate.
    return Number.isNaN(endMs) ? [] : [endMs]
  })
  return ends.length === 0 ? null : Math.min(...ends)
}
