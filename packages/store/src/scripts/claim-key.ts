import { script } from './script.ts'

/** KEYS: idempotency key. ARGV: claim JSON, time to live in ms. Answers the claim that holds. */
export const claimKeyScript = script(`
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
`)
