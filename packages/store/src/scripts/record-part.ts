import { addSample, handOut } from './fragments.ts'
import { script } from './script.ts'

/**
 * KEYS: job, bits, hashes. ARGV: generation, index, tree hash (32 bytes), size, window, now.
 * Answers {outcome, whether all are uploaded (0 or 1), parts to enqueue}.
 */
export const recordPartScript = script(`
${handOut}
${addSample}
local job = redis.call('HMGET', KEYS[1],
  'state', 'generation', 'partCount', 'uploaded', 'opened', 'rate')
local state, count, uploaded = job[1], tonumber(job[3]), tonumber(job[4])
local index = tonumber(ARGV[2])
if not state or job[2] ~= ARGV[1] or index >= count
  or state == 'archived' or state == 'failed' or state == 'cancelled' then
  return {'stale', 0, {}}
end
local outcome = 'already'
if redis.call('GETBIT', KEYS[2], index) == 1 then
  if redis.call('GETRANGE', KEYS[3], index * 32, index * 32 + 31) ~= ARGV[3] then
    return {'conflict', 0, {}}
  end
else
  outcome = 'recorded'
  uploaded = uploaded + 1
  -- All slots at once: a string that grows slot by slot keeps up to twice its size allocated.
  if redis.call('EXISTS', KEYS[3]) == 0 then
    redis.call('SETRANGE', KEYS[3], count * 32 - 1, '\\0')
  end
  redis.call('SETRANGE', KEYS[3], index * 32, ARGV[3])
  redis.call('SETBIT', KEYS[2], index, 1)
  redis.call('HSET', KEYS[1], 'uploaded', uploaded,
    'rate', addSample(job[6], tonumber(ARGV[6]), tonumber(ARGV[4])))
  redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[4])
  redis.call('HDEL', KEYS[1], 'trouble')
  if index >= tonumber(job[5]) then redis.call('HINCRBY', KEYS[1], 'ahead', 1) end
end
local parts = {}
if state == 'uploading' then parts = handOut(KEYS[1], KEYS[2], tonumber(ARGV[5])) end
return {outcome, uploaded == count and 1 or 0, parts}
`)
