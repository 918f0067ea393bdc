export { pinFromStats } from './file-pin.ts'
export type { HashFileInput, HashPool, RangeHashes } from './hash-pool.ts'
export { openHashPool } from './open-hash-pool.ts'
