import { script } from './script.ts'

/**
 * KEYS: job, bits. ARGV: generation, then index and size of each part.
 * The cursor goes back to the lowest of them, so that the window hands out all of them again; what
 * it had handed out above is handed out once more, under the same queue job.
 */
export const forgetPartsScript = script(`
local job = redis.call('HMGET', KEYS[1], 'state', 'generation', 'opened')
local state, opened = job[1], tonumber(job[3])
if not state or job[2] ~= ARGV[1]
  or state == 'archived' or state == 'failed' or state == 'cancelled' then
  return 0
end
local count, bytes = 0, 0
for i = 2, #ARGV, 2 do
  local index = tonumber(ARGV[i])
  if redis.call('GETBIT', KEYS[2], index) == 1 then
    redis.call('SETBIT', KEYS[2], index, 0)
    count = count + 1
    bytes = bytes + tonumber(ARGV[i + 1])
    opened = math.min(opened, index)
  end
end
if count == 0 then return 0 end
-- Whole bytes, then the bits of the last one: BITCOUNT takes bit positions only from Redis 7.
local rest = opened % 8
local below = 0
if opened >= 8 then below = redis.call('BITCOUNT', KEYS[2], 0, (opened - rest) / 8 - 1) end
for index = opened - rest, opened - 1 do below = below + redis.call('GETBIT', KEYS[2], index) end
local uploaded = redis.call('HINCRBY', KEYS[1], 'uploaded', 0 - count)
redis.call('HSET', KEYS[1], 'opened', opened, 'ahead', uploaded - below)
-- Not -bytes: Lua writes the negative of 0 as "-0", which Redis does not read.
redis.call('HINCRBY', KEYS[1], 'bytes', string.format('%.0f', 0 - bytes))
return count
`)
