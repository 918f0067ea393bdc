import { script } from './script.ts'

/**
 * KEYS: jobs, versions, events, due, then one set per state.
 * ARGV: job id, version, state, member, 'due' or '', events kept, then the name of each state.
 * A version that is not newer than the indexed one changes nothing.
 */
export const indexJobScript = script(`
local id, version, state, member = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local indexed = redis.call('HGET', KEYS[2], id)
local oldVersion, oldState
if indexed then oldVersion, oldState = string.match(indexed, '^(%d+) (%a+)$') end
if indexed and tonumber(oldVersion) >= tonumber(version) then return 0 end
redis.call('HSET', KEYS[2], id, version .. ' ' .. state)
if ARGV[5] == 'due' then
  redis.call('ZADD', KEYS[4], 0, member)
else
  redis.call('ZREM', KEYS[4], member)
end
if oldState == state then return 1 end
if not indexed then redis.call('ZADD', KEYS[1], 0, member) end
for i = 7, #ARGV do
  if ARGV[i] == oldState then redis.call('ZREM', KEYS[i - 2], member) end
  if ARGV[i] == state then redis.call('ZADD', KEYS[i - 2], 0, member) end
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*',
  'id', id, 'state', state, 'version', version)
return 1
`)
