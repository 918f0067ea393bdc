/** Reads the bit of part `index` as Redis's SETBIT wrote it: the highest bit of a byte is first. */
export function hasPart(bitmap: Uint8Array, index: number): boolean {
  const byte = bitmap[Math.floor(index / 8)] ?? 0
  return (byte & (0x80 >> (index % 8))) !== 0
}

/** The parts of [start, end) whose bit is not set, ascending, at most `limit` of them. */
export function missingParts(
  bitmap: Uint8Array,
  range: { readonly start: number; readonly end: number; readonly limit: number },
): number[] {
  const missing: number[] = []
  for (let index = range.start; index < range.end && missing.length < range.limit; index += 1) {
    if (!hasPart(bitmap, index)) missing.push(index)
  }
  return missing
}
