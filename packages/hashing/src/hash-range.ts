import { createHash, hash } from 'node:crypto'
import { fstatSync, readSync } from 'node:fs'
import {
  AppError,
  createTreeHashFold,
  invariant,
  MIB,
  requireSamePin,
  type SourcePin,
} from '@firn/core'
import { pinFromStats } from './file-pin.ts'
import type { HashFileInput, RangeHashes } from './hash-pool.ts'

/**
 * Reads a range of the pinned version once, with positional reads of 1 MiB, and computes both of
 * its hashes over each block while it is in the CPU's cache. Blocks the thread it runs on;
 * undefined when `isAborted` said so between two blocks.
 *
 * @param scratch 1 MiB to read into when `input.into` is null.
 * @throws AppError SOURCE_CHANGED when the file is another version before or after the read or
 *   ends inside the range, SOURCE_UNREADABLE when it cannot be read.
 */
export function hashRange(
  input: HashFileInput,
  scratch: Uint8Array,
  isAborted: () => boolean,
): RangeHashes | undefined {
  const { start, end } = input.range
  const sizeBytes = end - start
  invariant(Number.isSafeInteger(start) && start >= 0 && sizeBytes >= 0, `range ${start}-${end}`)
  invariant(
    input.into === null || input.into.length >= sizeBytes,
    'a buffer shorter than its range',
  )
  requireSamePin(input.pin, readPin(input.fd))
  const linear = createHash('sha256')
  const leaves = createTreeHashFold()
  let offset = 0
  do {
    if (isAborted()) return undefined
    const length = Math.min(MIB, sizeBytes - offset)
    const target = input.into === null ? scratch : input.into.subarray(offset, offset + length)
    const block = readBlock(input.fd, target.subarray(0, length), start + offset)
    linear.update(block)
    // The first leaf is what the linear hash has seen so far: copying its state saves one of the
    // passes over it, which is half of all hashing for a part of 1 MiB.
    leaves.push(offset === 0 ? linear.copy().digest() : hash('sha256', block, 'buffer'))
    offset += length
  } while (offset < sizeBytes)
  requireSamePin(input.pin, readPin(input.fd))
  return { sha256: linear.digest('hex'), treeHash: leaves.root().toString('hex') }
}

/** Fills `block` from `position`; a read may return less than was asked for. */
function readBlock(fd: number, block: Uint8Array, position: number): Uint8Array {
  let filled = 0
  while (filled < block.length) {
    const count = readOnce(fd, block.subarray(filled), position + filled)
    if (count === 0) {
      throw new AppError(
        'SOURCE_CHANGED',
        `The file ends at byte ${position + filled}, before byte ${position + block.length}`,
      )
    }
    filled += count
  }
  return block
}

function readOnce(fd: number, target: Uint8Array, position: number): number {
  try {
    return readSync(fd, target, 0, target.length, position)
  } catch (error) {
    throw toUnreadable(error, `Cannot read at byte ${position}`)
  }
}

function readPin(fd: number): SourcePin {
  try {
    return pinFromStats(fstatSync(fd, { bigint: true }))
  } catch (error) {
    throw toUnreadable(error, 'Cannot look at the file')
  }
}

function toUnreadable(error: unknown, doing: string): unknown {
  if (!isSystemError(error)) return error
  return new AppError('SOURCE_UNREADABLE', `${doing}: ${error.code}`, { cause: error })
}

/** Tells what the kernel refused from what Node refused, which is a bug of ours. */
function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error
}
