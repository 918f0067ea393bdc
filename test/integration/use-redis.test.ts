import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { until } from '@firn/testing'
import { getContainerRuntimeClient } from 'testcontainers'
import { whyNoContainer } from './use-redis.ts'

const PROGRAM = `
import { useRedis } from './test/integration/use-redis.ts'
console.log(await useRedis()())
setInterval(() => {}, 1000)
`
const skip = whyNoContainer ?? false

describe('useRedis()', { skip, timeout: 180_000 }, () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`leaves no container behind a process that gets ${signal}`, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let output = ''
      child.stdout.on('data', (chunk) => {
        output += chunk
      })
      const ended = once(child, 'exit')
      await until(() => /redis:\/\//.test(output), { timeoutMs: 60_000 })
      const { container } = await getContainerRuntimeClient()
      const countLeft = (): Promise<number> =>
        container.dockerode.listContainers({ all: true }).then((all) => {
          const names = all.flatMap(({ Names }) => Names)
          return names.filter((name) => name.includes(`-${child.pid}-`)).length
        })
      assert.equal(await countLeft(), 1)
      child.kill(signal)
      await ended
      await until(async () => (await countLeft()) === 0, { timeoutMs: 60_000 })
    })
  }
})
