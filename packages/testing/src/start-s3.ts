import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { errorAnswer, type S3Answer, S3Error, sendAnswer } from './s3-answers.ts'
import { createS3Faults, type S3FaultAction, type S3Faults } from './s3-faults.ts'
import { carryOut, type S3Object, type S3Rules } from './s3-objects.ts'
import { readRequest, type S3Request } from './s3-request.ts'

export interface S3Server extends AsyncDisposable {
  readonly url: string
  readonly bucket: string
  /** By key; for a look, and to spoil. */
  readonly objects: Map<string, S3Object>
  /** Every request that was understood, in the order in which they came. */
  readonly requests: readonly S3Request[]
  readonly faults: Omit<S3Faults, 'take'>
  /** Changes how it behaves from now on. */
  readonly setRules: (rules: Partial<Omit<S3Rules, 'bucket'>>) => void
  /** What leads Amazon's client to it. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * A stand-in for S3 with what a journal asks of it, as strict as S3 about what it is sent: one bucket
 * in memory, objects put, conditionally or not, read, deleted and listed in pages. It can be told to
 * fail in every way that a network and a service can.
 */
export async function startS3(options: Partial<S3Rules> = {}): Promise<S3Server> {
  const bucket = options.bucket ?? 'journals'
  const region = options.region ?? 'eu-central-1'
  let rules: S3Rules = { bucket, region, pageMax: 1000, ignoresConditions: false, ...options }
  const objects = new Map<string, S3Object>()
  const requests: S3Request[] = []
  const faults = createS3Faults()

  const answer = (request: S3Request): S3Answer => {
    try {
      return carryOut(objects, rules, request)
    } catch (error) {
      return asAnswer(error, `/${request.bucket}/${request.key}`)
    }
  }
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const request = await readRequest(req)
    requests.push(request)
    const action = faults.take(request)
    if (action === undefined) sendAnswer(res, answer(request))
    else await fail(res, action, () => answer(request))
  }
  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => {
      if (res.headersSent) res.destroy()
      else sendAnswer(res, asAnswer(error, req.url ?? ''))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No TCP address')
  const url = `http://127.0.0.1:${address.port}`
  return {
    ...{ url, bucket, objects, requests, faults },
    setRules(changed) {
      rules = { ...rules, ...changed }
    },
    env: {
      AWS_ENDPOINT_URL_S3: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: 'STANDIN',
      AWS_SECRET_ACCESS_KEY: 'secret-of-the-stand-in',
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function fail(
  res: ServerResponse,
  action: S3FaultAction,
  carryOutNow: () => S3Answer,
): Promise<void> {
  switch (action.type) {
    case 'error': {
      if (action.isDone) carryOutNow()
      sendAnswer(res, errorAnswer(new S3Error(action.status, action.code), ''))
      return
    }
    case 'page': {
      const headers = { 'content-type': 'text/html' }
      const body = '<html><head><title>Sorry</title></head><body><hr>later</body></html>'
      sendAnswer(res, { status: action.status, headers, body })
      return
    }
    case 'reset':
      if (action.isDone) carryOutNow()
      res.socket?.resetAndDestroy()
      return
    case 'hang':
      if (action.isDone) carryOutNow()
      return
    case 'cut': {
      const { status, headers, body = '' } = carryOutNow()
      const bytes = Buffer.from(body)
      res.writeHead(status, { ...headers, 'content-length': bytes.length })
      res.write(bytes.subarray(0, bytes.length / 2), () => res.socket?.destroy())
      return
    }
    case 'late':
      res.socket?.resetAndDestroy()
      await action.until
      carryOutNow()
  }
}

function asAnswer(error: unknown, resource: string): S3Answer {
  const known = error instanceof S3Error ? error : new S3Error(500, 'InternalError', String(error))
  return errorAnswer(known, resource)
}
