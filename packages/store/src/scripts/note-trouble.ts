import { script } from './script.ts'

/** KEYS: job. ARGV: generation, trouble as JSON. Changes nothing for another generation. */
export const noteTroubleScript = script(`
if redis.call('HGET', KEYS[1], 'generation') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'trouble', ARGV[2])
end
return 1
`)
