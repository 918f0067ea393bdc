/**
 * One stored part. Its file holds the bytes and behind them the leaves of their tree hash, 32
 * bytes each; its name holds the rest, so that the directory is the list of parts.
 */
export interface StoredPart {
  /** 0-based: the part's first byte divided by the part size. */
  readonly index: number
  /** Rises with every part of the upload; of two files for one index the higher one counts. */
  readonly version: number
  readonly sizeBytes: number
  /** Lower-case hex. */
  readonly treeHash: string
}

const NAME = /^(\d{1,5})-(\d{1,15})-(\d{1,10})-([0-9a-f]{64})\.part$/

export function partFileName(part: StoredPart): string {
  return `${part.index}-${part.version}-${part.sizeBytes}-${part.treeHash}.part`
}

/** The part that a file holds, or undefined when the name is not one of a part. */
export function parsePartFileName(name: string): StoredPart | undefined {
  const [, index, version, sizeBytes, treeHash] = NAME.exec(name) ?? []
  if (treeHash === undefined) return undefined
  return {
    index: Number(index),
    version: Number(version),
    sizeBytes: Number(sizeBytes),
    treeHash,
  }
}
