import { AppError, invariant } from '@firn/core'

/** Memory lent out. Disposing gives it back; after that its bytes belong to somebody else. */
export interface MemoryLoan extends Disposable {
  readonly bytes: Uint8Array<SharedArrayBuffer>
}

export interface MemoryArena {
  readonly capacityBytes: number
  /**
   * Waits, first come, first served, until `sizeBytes` (at most the capacity) are free in one
   * piece. Rejects with the signal's reason when aborted while waiting. The bytes are not cleared.
   */
  readonly borrow: (sizeBytes: number, signal: AbortSignal) => Promise<MemoryLoan>
}

/** Keeps pieces on page boundaries, and the list of free ones short. */
const GRAIN_BYTES = 64 * 1024
/** Borrowers that may wait. */
const WAITING_MAX = 4096

interface Piece {
  readonly start: number
  readonly end: number
}

interface Waiting {
  readonly sizeBytes: number
  readonly give: (loan: MemoryLoan) => void
  readonly refuse: (reason: unknown) => void
}

/**
 * One block of shared memory, cut to measure for whoever comes. It is never freed and never
 * cleared again: separate SharedArrayBuffers would be zero-filled one by one, and the garbage
 * collector, which does not count them, would let them pile up. The system commits a page of it
 * when it is first written.
 *
 * Who waits longest is served first even when a later, smaller wish would fit: a big part must
 * not starve behind small ones.
 */
export function createMemoryArena(capacityBytes: number): MemoryArena {
  const grains = Math.floor(capacityBytes / GRAIN_BYTES)
  invariant(grains >= 1, `an arena of ${capacityBytes} bytes`)
  const sizeBytes = grains * GRAIN_BYTES
  let block: SharedArrayBuffer | undefined
  let free: readonly Piece[] = [{ start: 0, end: sizeBytes }]
  const line: Waiting[] = []

  function lend(wantedBytes: number): MemoryLoan | undefined {
    const roundedBytes = Math.ceil(wantedBytes / GRAIN_BYTES) * GRAIN_BYTES
    const found = free.find((piece) => piece.end - piece.start >= roundedBytes)
    if (found === undefined) return undefined
    const taken = { start: found.start, end: found.start + roundedBytes }
    const rest = { start: taken.end, end: found.end }
    free = free.flatMap((piece) => {
      if (piece !== found) return [piece]
      return rest.start < rest.end ? [rest] : []
    })
    block ??= new SharedArrayBuffer(sizeBytes)
    const bytes = new Uint8Array(block, taken.start, wantedBytes)
    let isLent = true
    return {
      bytes,
      [Symbol.dispose]() {
        if (!isLent) return
        isLent = false
        free = withPiece(free, taken)
        serve()
      },
    }
  }

  function serve(): void {
    for (let first = line[0]; first; first = line[0]) {
      const loan = lend(first.sizeBytes)
      if (loan === undefined) return
      line.shift()
      first.give(loan)
    }
  }

  return {
    capacityBytes: sizeBytes,
    async borrow(wantedBytes, signal) {
      invariant(wantedBytes >= 1 && wantedBytes <= sizeBytes, `${wantedBytes} bytes wanted`)
      signal.throwIfAborted()
      const loan = line.length === 0 ? lend(wantedBytes) : undefined
      if (loan) return loan
      if (line.length >= WAITING_MAX) {
        throw new AppError('INTERNAL', `Cannot read: ${WAITING_MAX} others wait for memory`)
      }
      return await waitInLine(line, wantedBytes, serve, signal)
    },
  }
}

async function waitInLine(
  line: Waiting[],
  sizeBytes: number,
  serve: () => void,
  signal: AbortSignal,
): Promise<MemoryLoan> {
  const { promise, resolve, reject } = Promise.withResolvers<MemoryLoan>()
  const waiting: Waiting = { sizeBytes, give: resolve, refuse: reject }
  const leave = () => {
    const place = line.indexOf(waiting)
    // Served already: the caller sees the abort, and disposes of the loan.
    if (place < 0) return
    line.splice(place, 1)
    reject(signal.reason)
    // The next one may want less.
    serve()
  }
  signal.addEventListener('abort', leave)
  line.push(waiting)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

/** Adds a freed piece, joined with its neighbours; pieces stay in ascending order. */
function withPiece(free: readonly Piece[], freed: Piece): readonly Piece[] {
  const before = free.filter((piece) => piece.end <= freed.start)
  const after = free.filter((piece) => piece.start >= freed.end)
  let { start, end } = freed
  const left = before.at(-1)
  if (left?.end === start) {
    start = left.start
    before.pop()
  }
  const right = after[0]
  if (right?.start === end) {
    end = right.end
    after.shift()
  }
  return [...before, { start, end }, ...after]
}
