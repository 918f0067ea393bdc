import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Transform } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { GlacierError } from '../glacier-error.ts'
import type { Answer, Call } from '../http/call.ts'
import type { FaultRule } from './fault.ts'

/** The connection was cut on purpose: there is nobody to answer. */
export class CutError extends Error {
  override readonly name = 'CutError'
}

/**
 * Runs an operation with a fault in it. Throws {@link CutError} once the connection is gone.
 */
export async function injectFault(
  fault: FaultRule,
  input: {
    readonly call: Call
    readonly req: IncomingMessage
    readonly res: ServerResponse
    readonly perform: (call: Call) => Promise<Answer>
  },
): Promise<Answer> {
  const { call, req, res, perform } = input
  switch (fault.action) {
    case 'throttle':
      throw new GlacierError('ThrottlingException', 'Rate exceeded')
    case 'error':
      return brokenAnswer(fault)
    case 'latency':
      await delay(fault.delayMs)
      return perform(call)
    case 'reset':
      return fault.afterBytes === undefined ? cut(req) : perform(cutAfter(call, fault.afterBytes))
    case 'hang':
      if (fault.afterCommit) await perform(call)
      await once(res, 'close')
      throw new CutError('hung until the client left')
    case 'commit-then-reset':
      await perform(call)
      return cut(req)
    case 'corrupt':
      return corrupted(await perform(call), fault.atByte)
    case 'drop-header':
      return withoutHeader(await perform(call), fault.header)
  }
}

function cut(req: IncomingMessage): never {
  req.socket.resetAndDestroy()
  throw new CutError('reset on purpose')
}

function brokenAnswer(fault: Extract<FaultRule, { action: 'error' }>): Answer {
  if (fault.body === undefined && fault.status === undefined) {
    const code = fault.code ?? 'ServiceUnavailableException'
    throw new GlacierError(code, fault.message ?? 'Injected by a fault rule.')
  }
  return {
    status: fault.status ?? 503,
    text: fault.body ?? '',
    headers: { 'content-type': fault.contentType ?? 'text/html' },
  }
}

function cutAfter(call: Call, afterBytes: number): Call {
  return {
    ...call,
    openBody() {
      const body = call.openBody()
      let sizeBytes = 0
      body.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length
        if (sizeBytes >= afterBytes) body.socket.resetAndDestroy()
      })
      return body
    },
  }
}

function corrupted(answer: Answer, atByte: number): Answer {
  if (answer.output === undefined) return answer
  let start = 0
  const flip = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const at = atByte - start
      start += chunk.length
      const isHere = at >= 0 && at < chunk.length
      const bytes = isHere ? Buffer.from(chunk) : chunk
      if (isHere) bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
      done(null, bytes)
    },
  })
  const { output } = answer
  output.once('error', (error) => flip.destroy(error))
  flip.once('close', () => output.destroy())
  return { ...answer, output: output.pipe(flip) }
}

function withoutHeader(answer: Answer, name: string): Answer {
  const headers = Object.entries(answer.headers ?? {})
  return {
    ...answer,
    headers: Object.fromEntries(headers.filter(([key]) => key !== name.toLowerCase())),
  }
}
