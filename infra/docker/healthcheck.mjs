import { readFileSync } from 'node:fs'
import { get } from 'node:http'

/**
 * Exits with 0 when the service that this container runs answers its liveness probe. One image
 * runs any service, so the command of process 1 says which, and the environment on what port.
 */
const ports = {
  api: process.env.API_PORT || '8080',
  vault: process.env.VAULT_PORT || '8090',
  worker: process.env.WORKER_METRICS_PORT || '9101',
  finalizer: process.env.FINALIZER_METRICS_PORT || '9102',
}
const service = /services\/(\w+)\//.exec(readFileSync('/proc/1/cmdline', 'utf8'))?.[1]
const signal = AbortSignal.timeout(2500)

get({ host: '127.0.0.1', port: ports[service], path: '/healthz', signal }, (response) => {
  process.exit(response.statusCode === 200 ? 0 : 1)
}).on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
