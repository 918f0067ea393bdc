import assert from 'node:assert/strict'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError, type ErrorCode, MIB } from '@firn/core'
import { openHashPool } from '@firn/hashing'
import { createSources, type PartBody, type Sources } from '@firn/sources'

/** Directories to read from, and one to keep out of. */
export interface SourceFolders extends AsyncDisposable {
  readonly base: string
  readonly root: string
  /** Holds a file `secret`. */
  readonly outside: string
  /** Reads from `root`, or from `roots`, with so much memory for parts. */
  readonly reader: (memoryBytes: number, roots?: readonly string[]) => Sources
  /** Writes a new file into the root. */
  readonly aFile: (bytes?: Uint8Array) => Promise<string>
}

/** 5 MiB and a bit, different everywhere. */
export const data = Buffer.alloc(5 * MIB + 321)
for (let at = 0; at + 4 <= data.length; at += 4) data.writeUInt32LE(Math.imul(at, 40503) >>> 0, at)

export async function openSourceFolders(): Promise<SourceFolders> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'firn-sources-')))
  const root = join(base, 'root')
  const outside = join(base, 'outside')
  await mkdir(root)
  await mkdir(outside)
  await writeFile(join(outside, 'secret'), data)
  const hashPool = await openHashPool({ threads: 2 })
  let count = 0
  return {
    base,
    root,
    outside,
    reader: (memoryBytes, roots = [root]) => createSources({ roots, hashPool, memoryBytes }),
    async aFile(bytes = data) {
      const path = join(root, `file-${count++}`)
      await writeFile(path, bytes)
      return path
    },
    async [Symbol.asyncDispose]() {
      await hashPool[Symbol.asyncDispose]()
      await rm(base, { recursive: true })
    },
  }
}

export const never = new AbortController().signal
export const file = (path: string) => ({ type: 'file', path }) as const

export function hasCode(...codes: readonly ErrorCode[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error))
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`)
    return true
  }
}

export async function bytesOf({ body }: PartBody): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body)
  const copies: Buffer[] = []
  for await (const chunk of body) copies.push(Buffer.from(chunk))
  return Buffer.concat(copies)
}
