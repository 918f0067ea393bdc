import type { BigIntStats } from 'node:fs'
import type { SourcePin } from '@firn/core'

/** The version of a file that stat saw. */
export function pinFromStats(stats: BigIntStats): SourcePin {
  return {
    sizeBytes: Number(stats.size),
    device: String(stats.dev),
    inode: String(stats.ino),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
  }
}
