import { handOut } from './fragments.ts'
import { script } from './script.ts'

/** KEYS: job, bits. ARGV: generation, window. Answers the parts to enqueue. */
export const openPartsScript = script(`
${handOut}
local job = redis.call('HMGET', KEYS[1], 'state', 'generation')
if job[1] ~= 'uploading' or job[2] ~= ARGV[1] then return {} end
return handOut(KEYS[1], KEYS[2], tonumber(ARGV[2]))
`)
