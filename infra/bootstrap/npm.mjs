import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { basename } from 'node:path'
import { BootstrapError, note } from './note.mjs'

const CONNECT_MAX_MS = 10_000
const OUTPUT_KEPT_CHARS = 16_384

/**
 * Runs npm and keeps the end of what it writes. Never rejects: `code` is npm's exit code, or the
 * signal that ended it, or 1 when it could not be started.
 */
export function runNpm({ args, cwd, limitMs }) {
  // Run by npm itself, this is the npm that runs it; the one on the PATH may be another.
  const cli = process.env.npm_execpath ?? ''
  const [command, ...first] = basename(cli) === 'npm-cli.js' ? [process.execPath, cli] : ['npm']
  return new Promise((resolve) => {
    let output = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-OUTPUT_KEPT_CHARS)
    }
    const child = spawn(command, [...first, ...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
    })
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => resolve({ code: 1, output: `${error.code}: ${command}\n` }))
    child.once('close', (code, signal) => resolve({ code: code ?? signal, output }))
  })
}

/**
 * Fails when nothing answers where npm would fetch from. npm itself retries each of hundreds of
 * packages in turn, for an hour where names resolve slowly to nothing.
 */
export async function checkRegistry(cwd) {
  const { output } = await runNpm({
    args: ['config', 'get', 'registry', 'https-proxy', 'proxy'],
    cwd,
    limitMs: CONNECT_MAX_MS,
  })
  const setting = (name) => new RegExp(`^${name}=(https?://.+)$`, 'm').exec(output)?.[1]
  const registry = setting('registry')
  const target =
    setting('https-proxy') ??
    setting('proxy') ??
    process.env.HTTPS_PROXY ??
    process.env.https_proxy ??
    registry
  if (target === undefined || !URL.canParse(target)) return
  const { hostname, port, protocol } = new URL(target)
  const socket = connect({ host: hostname, port: port || (protocol === 'https:' ? 443 : 80) })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MAX_MS) })
  } catch (error) {
    note(`${target}: ${error.code ?? error.name}`)
    throw new BootstrapError(
      `dependencies cannot be installed: the npm registry ${registry} cannot be reached. Check the network, and \`npm config get registry proxy https-proxy\`; then run the command again.`,
    )
  } finally {
    socket.destroy()
  }
}
