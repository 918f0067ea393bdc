import { script } from './script.ts'

/** KEYS: controls. ARGV: text expected ('' for none), text to set. Answers 0 when it is another. */
export const changeControlsScript = script(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
`)
