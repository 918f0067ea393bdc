import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BootstrapError, note } from './note.mjs'

const DOCKER_SHIM = join(dirname(fileURLToPath(import.meta.url)), 'docker-redis')
const DOCKER_IMAGE = 'redis:7-bookworm'
const STEP_MAX_MS = 5 * 60_000
/** BullMQ 6 works from 5.0 and asks for 6.2. */
const VERSION_MIN = [6, 2]

/** How each system installs Redis or its successor, and the names of the package in its words. */
const packageManagers = [
  {
    command: 'apt-get',
    update: ['apt-get', '-q', 'update'],
    install: [
      'apt-get',
      '-qy',
      '-o',
      'DPkg::Lock::Timeout=60',
      'install',
      '--no-install-recommends',
    ],
    packages: ['redis-server', 'valkey-server'],
  },
  { command: 'dnf', install: ['dnf', '-qy', 'install'], packages: ['valkey', 'redis'] },
  { command: 'apk', install: ['apk', 'add', '--no-cache'], packages: ['redis', 'valkey'] },
  {
    command: 'pacman',
    install: ['pacman', '-Sy', '--noconfirm', '--needed'],
    packages: ['valkey', 'redis'],
  },
  { command: 'zypper', install: ['zypper', '-nq', 'install'], packages: ['redis', 'valkey'] },
  { command: 'brew', install: ['brew', 'install'], packages: ['redis'], isForUsers: true },
]

/**
 * Makes sure that the PATH holds a `redis-server` or `valkey-server`: one that is there, else the
 * system's package, else Docker's. Asks nobody anything, so it installs only as root, with a
 * `sudo` that needs no password, or with Homebrew.
 *
 * @returns the PATH to use.
 */
export function provideRedisServer(env) {
  if (hasRedisServer(env.PATH)) return env.PATH
  const failures = []
  if (installPackage(env, failures)) return env.PATH
  if (dockerAnswers(env, failures)) return `${DOCKER_SHIM}:${env.PATH}`
  throw new BootstrapError(
    [
      'needs a redis-server or valkey-server, and found none on the PATH.',
      ...failures.map((failure) => `  - ${failure}`),
      `Install it with:  ${advice(env)}`,
      'or start Docker, or set REDIS_URL for `npm start` to use a Redis that is running.',
    ].join('\n'),
  )
}

function hasRedisServer(path) {
  const command = ['redis-server', 'valkey-server'].find((name) => isOnPath(name, path))
  if (command === undefined) return false
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8', env: { PATH: path } })
  const version = /\bv=(\d+)\.(\d+)/.exec(stdout ?? '')
  if (version === null) return true
  const [major, minor] = [Number(version[1]), Number(version[2])]
  if (major > VERSION_MIN[0] || (major === VERSION_MIN[0] && minor >= VERSION_MIN[1])) return true
  throw new BootstrapError(
    `${command} on the PATH is ${major}.${minor}, and Firn needs ${VERSION_MIN.join('.')} or newer`,
  )
}

function isOnPath(name, path) {
  return (path ?? '').split(':').some((directory) => {
    try {
      accessSync(join(directory || '.', name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function findPackageManager(env) {
  return packageManagers.find(({ command }) => isOnPath(command, env.PATH))
}

function installPackage(env, failures) {
  const manager = findPackageManager(env)
  if (manager === undefined) return false
  const prefix = privilege(manager, env)
  if (prefix === undefined) {
    failures.push(`${manager.command} needs root, and sudo asks for a password`)
    return false
  }
  note(`installing Redis with ${manager.command} (once)`)
  if (manager.update) run([...prefix, ...manager.update], env)
  for (const name of manager.packages) {
    const result = run([...prefix, ...manager.install, name], env)
    if (result.ok && hasRedisServer(env.PATH)) {
      note(`installed the package ${name}`)
      return true
    }
    failures.push(`${manager.command} could not install ${name}: ${result.lastLine}`)
  }
  return false
}

/** The words to put before a command to run it with the right to install, or undefined. */
function privilege(manager, env) {
  const isRoot = process.getuid?.() === 0
  if (manager.isForUsers) return isRoot ? undefined : []
  if (isRoot) return []
  return isOnPath('sudo', env.PATH) && run(['sudo', '-n', 'true'], env).ok
    ? ['sudo', '-n']
    : undefined
}

function run([command, ...args], env) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    // Where an init system would start the service at once, this asks it not to: Firn runs its own.
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: STEP_MAX_MS,
  })
  const lastLine = `${result.stdout ?? ''}\n${result.stderr ?? ''}`.trim().split('\n').at(-1)
  return { ok: result.status === 0, lastLine: result.error?.message ?? lastLine }
}

function dockerAnswers(env, failures) {
  if (!isOnPath('docker', env.PATH)) {
    failures.push('Docker is not installed')
    return false
  }
  if (!run(['docker', 'info'], env).ok) {
    failures.push('Docker is installed, and its engine does not answer')
    return false
  }
  if (!run(['docker', 'image', 'inspect', DOCKER_IMAGE], env).ok) {
    note(`pulling ${DOCKER_IMAGE} (once)`)
    const pulled = run(['docker', 'pull', '-q', DOCKER_IMAGE], env)
    if (!pulled.ok) {
      failures.push(`Docker could not pull ${DOCKER_IMAGE}: ${pulled.lastLine}`)
      return false
    }
  }
  note(`using Redis in Docker (${DOCKER_IMAGE})`)
  return true
}

function advice(env) {
  const manager = findPackageManager(env)
  if (manager === undefined) return 'the package manager of your system (package redis or valkey)'
  const sudo = manager.isForUsers ? '' : 'sudo '
  return `${sudo}${manager.command} ${manager.command === 'apk' ? 'add' : manager.command === 'pacman' ? '-S' : 'install'} ${manager.packages[0]}`
}
