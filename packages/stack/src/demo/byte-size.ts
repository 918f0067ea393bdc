const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Parses `1536`, `64KiB`, `256 MiB`, `2GiB`; undefined when it is none of these or no whole byte. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?$/i.exec(text.trim())
  if (match === null) return undefined
  const exponent = ['', 'K', 'M', 'G', 'T'].indexOf((match[2] ?? '').slice(0, 1).toUpperCase())
  const bytes = Number(match[1]) * 1024 ** exponent
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** A size as a person reads it: `1 B`, `256 MiB`, `1.5 GiB`. */
export function formatByteSize(bytes: number): string {
  const exponent = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** exponent
  const digits = Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[exponent] ?? 'B'}`
}
