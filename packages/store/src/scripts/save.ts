import { resetParts } from './fragments.ts'
import { script } from './script.ts'

/**
 * KEYS: job, then the part keys of this generation and of the one before.
 * ARGV: expected version, job JSON, state, generation, part count (0 without an upload).
 * Answers the record's incarnation ('' for a record without one), or 0 when the version is another.
 */
export const saveScript = script(`
${resetParts}
local old = redis.call('HMGET', KEYS[1], 'version', 'generation', 'partCount', 'incarnation')
if old[1] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', tonumber(ARGV[1]) + 1, 'job', ARGV[2],
  'state', ARGV[3], 'generation', ARGV[4])
redis.call('HDEL', KEYS[1], 'trouble')
local isNew = old[2] ~= ARGV[4]
local isFirstUpload = old[3] == '0' and ARGV[5] ~= '0'
if isNew or isFirstUpload then
  local partKeys = {}
  for i = 2, #KEYS do partKeys[i - 1] = KEYS[i] end
  resetParts(KEYS[1], ARGV[5], partKeys)
end
return old[4] or ''
`)
