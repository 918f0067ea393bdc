import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BootstrapError, note } from './note.mjs'
import { checkRegistry, runNpm } from './npm.mjs'

/** What `node_modules` and npm's unpacking take, with room to spare. */
const DISK_NEEDED_BYTES = 1024 ** 3
const INSTALL_MAX_MS = 15 * 60_000
const HEARTBEAT_MS = 10_000

/**
 * Whether `node_modules` is what the lock file says. npm writes its own record of what it
 * installed as the last step, so an installation that was cut short does not match.
 */
export function areDependenciesInstalled(root) {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'))
  if (wanted === undefined) throw new BootstrapError(`${root} has no readable package-lock.json`)
  if (installed === undefined || !existsSync(join(root, 'node_modules/.bin/node'))) return false
  const isSame = (path) =>
    wanted[path]?.version === installed[path]?.version &&
    wanted[path]?.integrity === installed[path]?.integrity
  const isAsWanted = (path) =>
    path === '' || (path in installed ? isSame(path) : wanted[path].optional === true)
  return (
    Object.keys(wanted).every(isAsWanted) && Object.keys(installed).every((path) => path in wanted)
  )
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Runs `npm ci`, one at a time per checkout; a second command waits for the first one's work. */
export async function installDependencies(root) {
  checkDisk(root)
  const release = await lock(root)
  try {
    if (release.hasWaited && areDependenciesInstalled(root)) return
    await checkRegistry(root)
    await ci(root)
  } finally {
    release.now()
  }
}

function checkDisk(root) {
  try {
    accessSync(root, constants.W_OK)
  } catch (error) {
    throw new BootstrapError(
      `cannot write to ${root} (${error.code}), and its dependencies are not installed. Make it writable, or copy it to a directory that is, and run the command there.`,
    )
  }
  const { bavail, bsize } = statfsSync(root)
  if (bavail * bsize >= DISK_NEEDED_BYTES) return
  throw new BootstrapError(
    `the disk that holds ${root} is nearly full: ${Math.floor((bavail * bsize) / 1024 ** 2)} MiB are free, and Firn's dependencies need ${DISK_NEEDED_BYTES / 1024 ** 2} MiB. Free some and run the command again.`,
  )
}

async function ci(root) {
  note('installing dependencies with `npm ci` (once; about half a minute)')
  const startedAt = performance.now()
  const elapsed = () => Math.round((performance.now() - startedAt) / 1000)
  const heartbeat = setInterval(() => note(`still installing (${elapsed()} s)`), HEARTBEAT_MS)
  // The pinned Node.js is a development dependency: wanted whatever NODE_ENV says.
  const args = ['ci', '--include=dev', '--loglevel=error', '--fetch-retry-mintimeout=1000']
  const { code, output } = await runNpm({ args, cwd: root, limitMs: INSTALL_MAX_MS })
  clearInterval(heartbeat)
  if (code === 0 && areDependenciesInstalled(root)) {
    note(`dependencies installed in ${elapsed()} s`)
    return
  }
  process.stderr.write(output)
  throw new BootstrapError(explain({ code, output, root }))
}

const causes = [
  [/ENOENT: npm\b/, 'npm is not on the PATH. Install it; it comes with Node.js.'],
  [/ENOSPC/, 'the disk is full. Free some space and run the command again.'],
  [
    /EROFS|EACCES|EPERM/,
    'something in the checkout or in the npm cache cannot be written (see above).',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network/i,
    'the npm registry cannot be reached. Check the network, and `npm config get registry proxy https-proxy`; then run the command again.',
  ],
  [
    /CERT|certificate/,
    'the npm registry has a certificate that Node.js does not trust. Set NODE_EXTRA_CA_CERTS, or the cafile of npm, to the file of your certificate authority.',
  ],
  [
    /in sync|EUSAGE/,
    'package.json and package-lock.json disagree. Run `npm install` and commit both.',
  ],
]

function explain({ code, output, root }) {
  const known = causes.find(([pattern]) => pattern.test(output))?.[1]
  if (known) return `dependencies could not be installed: ${known}`
  if (code === 0 && !existsSync(join(root, 'node_modules/.bin/node'))) {
    return 'npm did not install the Node.js that Firn pins. If npm is told to ignore scripts, run `npm rebuild node --ignore-scripts=false`, then the command again.'
  }
  return `\`npm ci\` failed (${code}); see above`
}

/** Holds a file named after the checkout, outside it since `npm ci` empties `node_modules`. */
async function lock(root) {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16)
  const file = join(tmpdir(), `firn-bootstrap-${name}.lock`)
  const deadline = Date.now() + INSTALL_MAX_MS
  for (let hasWaited = false; ; hasWaited = true) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return { hasWaited, now: () => rmSync(file, { force: true }) }
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new BootstrapError(`cannot write ${file} (${error.code})`)
      }
    }
    const owner = readOwner(file)
    if (owner === undefined || Date.now() > deadline) {
      rmSync(file, { force: true })
      continue
    }
    if (!hasWaited) note(`process ${owner} is installing dependencies here; waiting for it`)
    await sleep(200)
  }
}

/** The living process that holds the lock. A file that is empty was opened a moment ago. */
function readOwner(file) {
  try {
    const text = readFileSync(file, 'utf8')
    if (text === '') return 'unknown'
    process.kill(Number(text), 0)
    return text
  } catch (error) {
    return error.code === 'EPERM' ? 'unknown' : undefined
  }
}
