import { formatByteSize } from './byte-size.ts'

const BAR_CHARS = 24
/** Without a terminal, one line each time this share of the whole is done. */
const PLAIN_STEP = 0.25
/** The speed is that of the last seconds, so that it tells of now. */
const SPEED_WINDOW_MS = 3_000

/** How far a run is, over all of its files. */
export interface RunProgress {
  readonly doneBytes: number
  readonly totalBytes: number
  /** What else to say, such as `12/16 parts`. */
  readonly detail: string
}

export interface ProgressLine {
  readonly show: (progress: RunProgress) => void
  /** Ends the line, so that other output starts on one of its own. */
  readonly end: () => void
}

/**
 * Progress for a person: one line that is drawn anew on a terminal, and a line for each quarter
 * elsewhere.
 */
export function createProgressLine(
  label: string,
  stream: NodeJS.WriteStream,
  now: () => number,
): ProgressLine {
  const samples: { readonly atMs: number; readonly bytes: number }[] = []
  let shownStep = 0
  return {
    show(progress) {
      const atMs = now()
      samples.push({ atMs, bytes: progress.doneBytes })
      while (samples.length > 2 && atMs - (samples[0]?.atMs ?? atMs) > SPEED_WINDOW_MS) {
        samples.shift()
      }
      const line = `${label}  ${describeProgress(progress, speedOf(samples))}`
      if (stream.isTTY) {
        stream.write(`\r\u001b[K${line.slice(0, Math.max(20, stream.columns - 1))}`)
        return
      }
      const step = Math.floor(shareOf(progress) / PLAIN_STEP)
      if (step <= shownStep) return
      shownStep = step
      stream.write(`${line}\n`)
    },
    end() {
      if (stream.isTTY) stream.write('\n')
    },
  }
}

/** One line: bar, per cent, bytes, speed, detail, time left. */
export function describeProgress(progress: RunProgress, bytesPerSecond: number): string {
  const share = shareOf(progress)
  const filled = Math.round(share * BAR_CHARS)
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CHARS - filled)
  const { doneBytes, totalBytes, detail } = progress
  const left = totalBytes - doneBytes
  const eta = bytesPerSecond > 0 ? `${Math.ceil(left / bytesPerSecond)} s left` : ''
  return [
    `${bar} ${`${Math.floor(share * 100)}`.padStart(3)} %`,
    `${formatByteSize(doneBytes)} of ${formatByteSize(totalBytes)}`,
    `${(bytesPerSecond / 1024 ** 2).toFixed(0)} MiB/s`,
    detail,
    eta,
  ]
    .filter((text) => text !== '')
    .join('  ')
}

function shareOf({ doneBytes, totalBytes }: RunProgress): number {
  return totalBytes === 0 ? 0 : doneBytes / totalBytes
}

function speedOf(samples: readonly { readonly atMs: number; readonly bytes: number }[]): number {
  const [first, last] = [samples.at(0), samples.at(-1)]
  if (first === undefined || last === undefined || last.atMs === first.atMs) return 0
  return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs)
}
