import { resetParts } from './fragments.ts'
import { script } from './script.ts'

/**
 * KEYS: job. ARGV: job JSON, state, generation, part count, incarnation (letters and digits).
 * Answers 0 when the id is taken.
 */
export const createScript = script(`
${resetParts}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'version', 1, 'job', ARGV[1], 'state', ARGV[2], 'generation', ARGV[3],
  'incarnation', ARGV[5])
resetParts(KEYS[1], ARGV[4], {})
return 1
`)
