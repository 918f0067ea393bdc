import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseHealth } from './read-health.ts'

const INFO = [
  '# Clients',
  'connected_clients:7',
  '# Memory',
  'used_memory:1048576',
  'used_memory_human:1.00M',
  'total_system_memory:8589934592',
  'maxmemory:4194304',
  '# Persistence',
  'aof_enabled:1',
  'aof_last_bgrewrite_status:ok',
  'aof_last_write_status:ok',
  '# Stats',
  'instantaneous_ops_per_sec:42',
  '# Replication',
  'connected_slaves:2',
  '',
].join('\r\n')

describe('parseHealth()', () => {
  it('reads what Redis says', () => {
    assert.deepEqual(parseHealth(INFO), {
      usedMemoryBytes: 1_048_576,
      memoryLimitBytes: 4_194_304,
      connectedClients: 7,
      connectedReplicas: 2,
      commandsPerSecond: 42,
      isAofEnabled: true,
      isAofHealthy: true,
    })
  })

  it('measures against the memory of the machine when there is no limit', () => {
    const unlimited = INFO.replace('maxmemory:4194304', 'maxmemory:0')
    assert.equal(parseHealth(unlimited).memoryLimitBytes, 8_589_934_592)
  })

  it('tells a failed write and a failed rewrite of the append-only file', () => {
    for (const name of ['aof_last_write_status', 'aof_last_bgrewrite_status']) {
      assert.equal(parseHealth(INFO.replace(`${name}:ok`, `${name}:err`)).isAofHealthy, false)
    }
  })
})
