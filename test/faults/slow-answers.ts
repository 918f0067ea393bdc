import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Bytes that a reader at a trickle takes at a time: a MiB would take an hour and a half. */
const SIP_BYTES = 20
const TRICKLE_MS = 100

/** Resolves when the client has given up, or has had its answer. */
export async function untilGone(res: ServerResponse): Promise<void> {
  if (!res.closed) await once(res, 'close')
}

/**
 * Reads the body a few bytes at a time for as long as the connection is there. Nobody is told when
 * the client gives up: what it had sent comes first.
 */
export function sip(req: IncomingMessage, res: ServerResponse): void {
  const timer = setInterval(() => req.read(SIP_BYTES), TRICKLE_MS)
  timer.unref()
  res.once('close', () => clearInterval(timer))
}

/** Begins an answer whose body comes byte by byte and never ends, until the client gives up. */
export async function trickle(res: ServerResponse, status: number): Promise<void> {
  // Some have no body: a header that never ends will do for all.
  res.socket?.write(`HTTP/1.1 ${status} Slow\r\ncontent-type: application/json\r\nx-slow: `)
  while (!res.closed) {
    res.socket?.write('x')
    await sleep(TRICKLE_MS)
  }
}
