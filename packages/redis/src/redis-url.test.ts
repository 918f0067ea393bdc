import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRedisUrl } from './redis-url.ts'

describe('parseRedisUrl()', () => {
  it('reads one server, with and without port, database, credentials and TLS', () => {
    assert.deepEqual(parseRedisUrl('redis://cache'), {
      kind: 'single',
      label: 'redis://cache',
      options: { host: 'cache', port: 6379, db: 0 },
    })
    assert.deepEqual(parseRedisUrl('rediss://ann:s%40cret@[::1]:7000/3'), {
      kind: 'single',
      label: 'rediss://[::1]:7000',
      options: { host: '::1', port: 7000, db: 3, username: 'ann', password: 's@cret', tls: {} },
    })
    assert.deepEqual(parseRedisUrl('redis://:pw@h:1/'), {
      kind: 'single',
      label: 'redis://h:1',
      options: { host: 'h', port: 1, db: 0, password: 'pw' },
    })
  })

  it('reads a Unix socket', () => {
    assert.deepEqual(parseRedisUrl('unix:///run/redis.sock?db=2'), {
      kind: 'single',
      label: 'unix:///run/redis.sock',
      options: { path: '/run/redis.sock', db: 2 },
    })
  })

  it('reads a Sentinel group', () => {
    assert.deepEqual(parseRedisUrl('redis+sentinel://a:26379,b:26380/primary/1'), {
      kind: 'single',
      label: 'redis+sentinel://a:26379,b:26380',
      options: {
        sentinels: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 26380 },
        ],
        name: 'primary',
        db: 1,
      },
    })
  })

  it('reads a cluster', () => {
    assert.deepEqual(parseRedisUrl('rediss+cluster://a:1,b:2'), {
      kind: 'cluster',
      label: 'rediss+cluster://a:1,b:2',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      options: { tls: {} },
    })
  })

  for (const text of [
    '',
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://a,b',
    'redis://a:0',
    'redis://a:65536',
    'redis://a/x',
    'redis://a/1/2',
    'redis+sentinel://a',
    'redis+sentinel://a/name/x',
    'redis+cluster://a/1',
    'unix://run/redis.sock',
  ]) {
    it(`refuses "${text}"`, () => {
      assert.throws(() => parseRedisUrl(text), /Redis URL is not understood: expected redis:/)
    })
  }

  it('repeats no password in what it says', () => {
    assert.throws(
      () => parseRedisUrl('redis://ann:hunter2@a/x'),
      (error) => error instanceof Error && !error.message.includes('hunter2'),
    )
    assert.doesNotMatch(parseRedisUrl('redis://ann:hunter2@a').label, /hunter2|ann/)
  })
})
