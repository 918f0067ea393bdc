import { randomUUID } from 'node:crypto'
import type { RecordFiles } from './record-files.ts'
import type { S3Bucket } from './s3-bucket.ts'
import { conflictAt, isPassing, isTaken } from './s3-errors.ts'
import type { S3Limits } from './s3-limits.ts'
import { tryAgain, within } from './s3-tries.ts'

/** The files of a journal as objects of a bucket, their paths behind a prefix. */
export function createS3Files(
  bucket: S3Bucket,
  { prefix, limits }: { readonly prefix: string; readonly limits: S3Limits },
): Omit<RecordFiles, 'ping'> {
  const at = (path: string): string => `${prefix}${path}`
  const patiently = <T>(signal: AbortSignal, run: (deadline: AbortSignal) => Promise<T>) =>
    within(limits.totalMs, signal, (deadline) => tryAgain(limits, deadline, () => run(deadline)))
  return {
    create: (path, text, signal) =>
      within(limits.totalMs, signal, (deadline) =>
        createFirst({ bucket, limits }, { key: at(path), text }, deadline),
      ),
    replace: (path, text, signal) =>
      patiently(signal, (deadline) => bucket.put(at(path), text, deadline)),
    remove: (path, signal) => patiently(signal, (deadline) => bucket.delete(at(path), deadline)),
    async read(path, signal) {
      const found = await patiently(signal, (deadline) => bucket.get(at(path), deadline))
      return found?.text
    },
    async *list(folder, signal) {
      let after: string | undefined
      do {
        const from = after
        const page = await patiently(signal, (deadline) =>
          bucket.list(at(`${folder}/`), from, deadline),
        )
        yield* page.names
        after = page.next
      } while (after !== undefined)
    },
  }
}

/**
 * Puts an object unless there is one, and resolves to the text that was there first, or to undefined
 * when it is this one. Every try bears the same id. One whose answer was lost is made again, which
 * either creates the object or is refused; the id of the object then says whose it is. So it does
 * not matter whether the lost one was carried out before, is still on its way, or never arrives.
 */
async function createFirst(
  { bucket, limits }: { readonly bucket: S3Bucket; readonly limits: S3Limits },
  { key, text }: { readonly key: string; readonly text: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const putId = randomUUID()
  const readBack = () => tryAgain(limits, signal, () => bucket.get(key, signal))
  try {
    return await tryAgain(limits, signal, async () => {
      try {
        await bucket.putNew(key, { text, putId }, signal)
        return undefined
      } catch (error) {
        if (!isTaken(error)) throw error
        const found = await readBack()
        if (found === undefined) throw conflictAt(key)
        return found.putId === putId ? undefined : found.text
      }
    })
  } catch (error) {
    if (!isPassing(error)) throw error
    // Out of tries, and the last may have been carried out all the same.
    const found = await readBack().catch(() => undefined)
    if (found === undefined) throw error
    return found.putId === putId ? undefined : found.text
  }
}
