import { once } from 'node:events'
import { createServer } from 'node:http'
import { type ProbeOptions, probeHandler } from './probe-handler.ts'

export interface ProbeServer extends AsyncDisposable {
  readonly address: string
  readonly port: number
}

/**
 * Serves the probes and metrics of a process that has no HTTP server of its own. Rejects when the
 * port is taken. `port` 0 takes any free one.
 */
export async function openProbeServer(
  options: ProbeOptions & { readonly host: string; readonly port: number },
): Promise<ProbeServer> {
  const handle = probeHandler(options)
  const server = createServer((req, res) => {
    handle(req, res).then(
      (isHandled) => {
        if (!isHandled) res.writeHead(404).end()
      },
      (error: unknown) => {
        options.log?.error({ err: error }, 'probe failed')
        if (res.headersSent) res.destroy()
        else res.writeHead(500).end()
      },
    )
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 10_000
  server.maxHeadersCount = 100
  await once(server.listen(options.port, options.host), 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('The server has no TCP address')
  return {
    address: bound.address,
    port: bound.port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
