import { openApiDocument } from '@firn/contracts'
import type { ProbeHandler } from '@firn/runtime'
import type { Handler } from './call.ts'
import { docsPage } from './docs-page.ts'

/** The calls about the API itself; open to probes and people without a token. */
export function serviceHandlers(deps: { readonly probe: ProbeHandler; readonly version: string }) {
  const document = openApiDocument(deps.version)
  const page = docsPage()
  const probe: Handler = async ({ req, res }) => {
    await deps.probe(req, res)
    return null
  }
  return {
    healthz: probe,
    readyz: probe,
    metrics: probe,
    openapi: async () => ({ body: document }),
    async docs({ res }) {
      res.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        'referrer-policy': 'no-referrer',
      })
      res.end(page)
      return null
    },
  } as const satisfies Record<string, Handler>
}
