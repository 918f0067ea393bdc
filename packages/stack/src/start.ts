import { availableParallelism, homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApiClient } from './api-client.ts'
import { createPrettyOutput } from './output.ts'
import { definedVariables } from './settings.ts'
import { type Stack, startStack } from './stack.ts'
import { readStartConfig, type StartConfig } from './start-config.ts'
import { listenForStop } from './stop-signal.ts'

const VAULT = 'archive'
const CHECKOUT = resolve(fileURLToPath(new URL('../../..', import.meta.url)))

let running: Stack | undefined
// Impatience is a second Ctrl-C: what is in flight is then left to the next start to heal.
using stop = listenForStop(process.env, () => running?.kill())
try {
  await run(stop.signal)
} catch (error) {
  if (!stop.signal.aborted) {
    for (let cause = error; cause instanceof Error; cause = cause.cause)
      console.error(cause.message)
    process.exitCode = 1
  }
}

async function run(signal: AbortSignal): Promise<void> {
  const env = definedVariables(process.env)
  const config = readStartConfig(env, {
    userDirectory: process.env.INIT_CWD ?? process.cwd(),
    homeDirectory: homedir(),
    checkout: CHECKOUT,
    cores: availableParallelism(),
  })
  await using stack = await startStack(
    {
      dataDir: config.dataDir,
      workerCount: config.workerCount,
      sourceRoots: config.sourceRoots,
      ports: config.ports,
      redisUrl: config.redisUrl,
      glacier: config.glacier,
      restart: true,
      env,
      output: createPrettyOutput(process.stdout),
    },
    signal,
  )
  running = stack
  if (config.glacier === 'vault') {
    const api = createApiClient({ url: stack.apiUrl, token: stack.apiToken })
    await api.createVault(VAULT, signal)
  }
  console.log(welcome(stack, config))
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  console.log('\nStopping: parts in flight are handed back. Once more ends everything at once.')
}

function welcome(stack: Stack, config: StartConfig): string {
  const urls = stack.processes().flatMap(({ name, url }) => {
    return url === null ? [] : [`  ${name.padEnd(10)} ${url}`]
  })
  const path = join(
    config.sourceRoots.includes(CHECKOUT) ? CHECKOUT : (config.sourceRoots[0] ?? '/'),
    'README.md',
  )
  const body = JSON.stringify({ vault: VAULT, source: { type: 'file', path } })
  return `
Firn is up. Its data is in ${config.dataDir}
${urls.join('\n')}
  token      ${stack.apiToken}
  queues     ${stack.apiUrl}/queues (in a browser; the token is the password)

Archive a file:
  curl -sS -H 'Authorization: Bearer ${stack.apiToken}' -H 'Content-Type: application/json' \\
    -d '${body.replaceAll("'", "'\\''")}' ${stack.apiUrl}/v1/jobs

Files may lie under ${config.sourceRoots.join(', ')} (SOURCE_ROOTS). Ctrl-C stops everything.
`
}
