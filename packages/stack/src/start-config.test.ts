import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readStartConfig } from './start-config.ts'

const machine = {
  userDirectory: '/srv/here',
  homeDirectory: '/home/me',
  checkout: '/opt/firn',
  cores: 3,
}

describe('readStartConfig()', () => {
  it('runs everything itself when nothing is set', () => {
    assert.deepEqual(readStartConfig({}, machine), {
      dataDir: '/opt/firn/.firn',
      workerCount: 3,
      apiHost: '127.0.0.1',
      ports: { api: 8080, vault: 8090 },
      redisUrl: null,
      glacier: 'vault',
      sourceRoots: ['/home/me', '/srv/here', '/opt/firn'],
    })
  })

  it('uses the Redis, the Glacier, the directories and the ports that it is given', () => {
    const config = readStartConfig(
      {
        REDIS_URL: 'redis://elsewhere:6379',
        AWS_ENDPOINT_URL_GLACIER: 'http://127.0.0.1:9000',
        FIRN_DATA_DIR: '/var/lib/firn',
        SOURCE_ROOTS: '/a:b:/a',
        API_PORT: '0',
        FIRN_WORKERS: '1',
      },
      machine,
    )
    assert.equal(config.redisUrl, 'redis://elsewhere:6379')
    assert.equal(config.glacier, 'environment')
    assert.equal(config.dataDir, '/var/lib/firn')
    assert.deepEqual(config.sourceRoots, ['/a', '/srv/here/b'])
    assert.deepEqual(config.ports, { api: 0, vault: 8090 })
    assert.equal(config.workerCount, 1)
  })

  it('goes to Amazon only when told so by name', () => {
    const ambient = { AWS_PROFILE: 'work', AWS_REGION: 'eu-central-1' }
    assert.equal(readStartConfig(ambient, machine).glacier, 'vault')
    assert.equal(
      readStartConfig({ ...ambient, FIRN_GLACIER: 'aws' }, machine).glacier,
      'environment',
    )
  })

  it('names every variable that it cannot use', () => {
    const env = { API_PORT: '70000', FIRN_WORKERS: 'x', FIRN_GLACIER: 'gcp' }
    assert.throws(
      () => readStartConfig(env, machine),
      (error) =>
        error instanceof Error && Object.keys(env).every((name) => error.message.includes(name)),
    )
  })
})
