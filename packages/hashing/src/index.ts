export type { HashPool, RangeHashes } from './hash-pool.ts'
