import { script } from './script.ts'

/** KEYS: job, bits. ARGV: generation, then index and size of each part. */
export const forgetPartsScript = script(`
local job = redis.call('HMGET', KEYS[1], 'state', 'generation', 'opened')
local state, opened = job[1], tonumber(job[3])
if not state or job[2] ~= ARGV[1]
  or state == 'archived' or state == 'failed' or state == 'cancelled' then
  return 0
end
local count, bytes, ahead = 0, 0, 0
for i = 2, #ARGV, 2 do
  local index = tonumber(ARGV[i])
  if redis.call('GETBIT', KEYS[2], index) == 1 then
    redis.call('SETBIT', KEYS[2], index, 0)
    count = count + 1
    bytes = bytes + tonumber(ARGV[i + 1])
    if index >= opened then ahead = ahead + 1 end
  end
end
-- Not -count: Lua writes the negative of 0 as "-0", which Redis does not read.
redis.call('HINCRBY', KEYS[1], 'uploaded', 0 - count)
redis.call('HINCRBY', KEYS[1], 'ahead', 0 - ahead)
redis.call('HINCRBY', KEYS[1], 'bytes', string.format('%.0f', 0 - bytes))
return count
`)
