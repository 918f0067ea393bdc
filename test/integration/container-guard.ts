import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * `container-guard.ts <name>`: waits for the end of standard input, which is the end of whoever
 * holds the other side, however it died; then removes the container.
 */
const TRIES = 10
const [, , name = ''] = process.argv

process.stdin.resume()
await once(process.stdin, 'end')
const { getContainerRuntimeClient } = await import('testcontainers')
const { container } = await getContainerRuntimeClient()
// It may be about to be created by a request that was sent last.
for (let tries = 0; tries < TRIES && !(await remove()); tries++) await sleep(500)

async function remove(): Promise<boolean> {
  try {
    await container.getById(name).remove({ force: true, v: true })
    return true
  } catch {
    return false
  }
}
