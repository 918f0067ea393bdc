import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { deadlyGroup, diskFull, pressureGroup } from './pressure-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(pressureGroup)
runGroup(deadlyGroup)

const directory = mountSmallDisk()
if (directory === undefined) {
  describe('a small disk', () => {
    it('vault-disk-full', { skip: 'NOT RUN: needs root on Linux to mount a tmpfs' }, () => {})
  })
} else {
  runGroup({
    name: 'a small disk',
    world: { vaultDirectory: join(directory, 'vault') },
    scenarios: [diskFull(directory)],
  })
  after(() => {
    execFileSync('umount', ['-l', directory])
    rmdirSync(directory)
  })
}

/** Undefined where mounting is not allowed. */
function mountSmallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const path = mkdtempSync(join(tmpdir(), 'firn-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', path], { stdio: 'pipe' })
    return path
  } catch {
    rmdirSync(path)
    return undefined
  }
}
