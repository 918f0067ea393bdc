import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addHealth, parseHealth } from './read-health.ts'

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

describe('addHealth()', () => {
  it('says how full the fullest is, however much room the others have', () => {
    const full = parseHealth(INFO.replace('used_memory:1048576', 'used_memory:3145728'))
    const empty = parseHealth(INFO.replace('maxmemory:4194304', 'maxmemory:8388608'))
    for (const sum of [addHealth(full, empty), addHealth(empty, full)]) {
      const { usedMemoryBytes, memoryLimitBytes, connectedClients, isAofEnabled } = sum
      assert.deepEqual([usedMemoryBytes, memoryLimitBytes], [3_145_728, 4_194_304])
      assert.deepEqual([connectedClients, isAofEnabled], [14, true])
    }
  })
})
