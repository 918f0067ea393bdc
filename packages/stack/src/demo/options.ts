import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isPartSize, MIB } from '@firn/core'
import { parseByteSize } from './byte-size.ts'

export const USAGE = `usage: npm run demo [-- [options] [FILE…]]

Starts the whole of Firn in a scratch directory, archives the files in parallel, retrieves the
archives and compares every byte. Without a file it makes one of pseudo-random bytes.

  --size SIZE       of the file that is made, such as 1B, 64MiB, 2GiB (default 256MiB)
  --part-size SIZE  1 MiB times a power of two, up to 4GiB (default: Firn chooses)
  --workers N       worker processes (default: one per core)
  --keep            keep the scratch directory`

export interface DemoOptions {
  /** As the user wrote them; none means a generated one. */
  readonly files: readonly string[]
  readonly sizeBytes: number
  readonly partSizeBytes: number | null
  readonly workerCount: number
  readonly keepsScratch: boolean
}

export type ParsedDemoOptions =
  | { readonly ok: true; readonly options: DemoOptions }
  | { readonly ok: false; readonly reason: string }

export function parseDemoOptions(argv: readonly string[]): ParsedDemoOptions {
  const refuse = (reason: string): ParsedDemoOptions => ({ ok: false, reason })
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(argv)
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
  const { values, positionals } = parsed
  const sizeBytes = parseByteSize(values.size)
  if (sizeBytes === undefined) return refuse(`--size is no size: "${values.size}"`)
  const partSize = values['part-size']
  const partSizeBytes = partSize === undefined ? null : (parseByteSize(partSize) ?? 0)
  if (partSizeBytes !== null && !isPartSize(partSizeBytes)) {
    return refuse(`--part-size is no power of two MiB from 1MiB to 4GiB: "${partSize}"`)
  }
  const workerCount = Number(values.workers ?? availableParallelism())
  if (!Number.isInteger(workerCount) || workerCount < 1 || workerCount > 64) {
    return refuse(`--workers is no number from 1 to 64: "${values.workers}"`)
  }
  const keepsScratch = values.keep
  return {
    ok: true,
    options: { files: positionals, sizeBytes, partSizeBytes, workerCount, keepsScratch },
  }
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      size: { type: 'string', default: `${256 * MIB}` },
      'part-size': { type: 'string' },
      workers: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
}
