import { script } from './script.ts'

/**
 * KEYS: jobs, versions, events, due, then one set per state.
 * ARGV: job id, version, state, member, 'due' or '', events kept, incarnation, 'force' or '', then
 * the name of each state.
 * Answers 0, and changes nothing, when the index knows something newer of the same incarnation;
 * another incarnation replaces the one before, whose versions say nothing about its own.
 */
export const indexJobScript = script(`
local id, version, state, member, incarnation = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[7]
local indexed = redis.call('HGET', KEYS[2], id)
local oldVersion, oldState, oldIncarnation
if indexed then
  oldVersion, oldState, oldIncarnation = string.match(indexed, '^(%d+) (%a+) ?(%w*)$')
end
if indexed and oldIncarnation == incarnation and ARGV[8] == '' then
  local ahead = tonumber(oldVersion) - tonumber(version)
  if ahead == 0 and oldState == state then return 1 end
  if ahead >= 0 then return 0 end
end
redis.call('HSET', KEYS[2], id, version .. ' ' .. state .. ' ' .. incarnation)
if ARGV[5] == 'due' then
  redis.call('ZADD', KEYS[4], 0, member)
else
  redis.call('ZREM', KEYS[4], member)
end
if oldState == state then return 1 end
if not indexed then redis.call('ZADD', KEYS[1], 0, member) end
for i = 9, #ARGV do
  if ARGV[i] == oldState then redis.call('ZREM', KEYS[i - 4], member) end
  if ARGV[i] == state then redis.call('ZADD', KEYS[i - 4], 0, member) end
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*',
  'id', id, 'state', state, 'version', version)
return 1
`)
