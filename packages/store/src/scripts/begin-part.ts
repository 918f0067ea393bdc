import { script } from './script.ts'

/** Names of workers kept for a job; a part begun by a later one shows no worker. */
const WORKERS_MAX = 1000

/**
 * KEYS: job, bits, meta, workers. ARGV: generation, index, worker, attempt.
 * Meta is two unsigned 16-bit numbers a part: the attempt (saturating) and the worker's number.
 */
export const beginPartScript = script(`
local job = redis.call('HMGET', KEYS[1], 'state', 'generation', 'partCount')
local index = tonumber(ARGV[2])
if job[1] ~= 'uploading' or job[2] ~= ARGV[1] or index >= tonumber(job[3]) then return 'stale' end
if redis.call('GETBIT', KEYS[2], index) == 1 then return 'uploaded' end
local worker = redis.call('HGET', KEYS[4], ARGV[3])
if not worker then
  worker = redis.call('HLEN', KEYS[4]) + 1
  if worker > ${WORKERS_MAX} then
    worker = 0
  else
    redis.call('HSET', KEYS[4], ARGV[3], worker)
  end
end
redis.call('BITFIELD', KEYS[3], 'OVERFLOW', 'SAT',
  'SET', 'u16', '#' .. (2 * index), ARGV[4], 'SET', 'u16', '#' .. (2 * index + 1), worker)
return 'go'
`)
