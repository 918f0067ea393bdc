import { script } from './script.ts'

/** `dropSilent(seenKey, reportsKey, now, ttl)`: forgets the workers that have not reported of late. */
const dropSilent = `
local function nowMs()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function dropSilent(seenKey, reportsKey, now, ttl)
  for _, name in ipairs(redis.call('ZRANGE', seenKey, '-inf', now - ttl, 'BYSCORE')) do
    redis.call('HDEL', reportsKey, name)
    redis.call('ZREM', seenKey, name)
  end
end
`

/** KEYS: seen, reports. ARGV: TTL, name, report as JSON. Redis's clock: those of workers differ. */
export const reportWorkerScript = script(`
${dropSilent}
local now = nowMs()
redis.call('ZADD', KEYS[1], now, ARGV[2])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
dropSilent(KEYS[1], KEYS[2], now, tonumber(ARGV[1]))
return 1
`)

/** KEYS: seen, reports. ARGV: TTL. Answers when each was seen, and what it said, in turn. */
export const listWorkersScript = script(`
${dropSilent}
dropSilent(KEYS[1], KEYS[2], nowMs(), tonumber(ARGV[1]))
local found = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  found[#found + 1] = redis.call('ZSCORE', KEYS[1], name)
  found[#found + 1] = redis.call('HGET', KEYS[2], name)
end
return found
`)
