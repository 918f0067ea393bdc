/**
 * Small texts under paths such as `7/name.json`, on storage that processes share: what a journal
 * needs of a directory or of a bucket. Every method ends within a bounded time; it rejects with the
 * signal's reason when aborted, and with an error when what it says cannot be promised.
 */
export interface RecordFiles {
  /**
   * Writes the text unless there is one under the path. Resolves once one is on stable storage: to
   * undefined when it is this one, else to the one that came first.
   */
  readonly create: (path: string, text: string, signal: AbortSignal) => Promise<string | undefined>
  /** Writes the text as a whole, over what is there; resolves once it is on stable storage. */
  readonly replace: (path: string, text: string, signal: AbortSignal) => Promise<void>
  /** Removes what is there, if anything, durably. */
  readonly remove: (path: string, signal: AbortSignal) => Promise<void>
  /** Undefined when there is nothing. */
  readonly read: (path: string, signal: AbortSignal) => Promise<string | undefined>
  /** The names directly in a folder, in no particular order; none when there is no such folder. */
  readonly list: (folder: string, signal: AbortSignal) => AsyncIterable<string>
  /** Rejects unless something could be written now. */
  readonly ping: (signal: AbortSignal) => Promise<void>
}
