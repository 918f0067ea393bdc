/** Something that is opened when it is first asked for, and not at all when nobody asks. */
export interface Lazy<T> extends AsyncDisposable {
  /** Rejects when it cannot be opened; the next call tries again. */
  readonly get: () => Promise<T>
}

/** Opens once, whoever asks meanwhile. Disposing closes what was opened. */
export function createLazy<T extends AsyncDisposable>(open: () => Promise<T>): Lazy<T> {
  let opened: Promise<T> | undefined
  return {
    async get() {
      opened ??= open()
      try {
        return await opened
      } catch (error) {
        opened = undefined
        throw error
      }
    },
    async [Symbol.asyncDispose]() {
      const value = await opened?.catch(() => undefined)
      await value?.[Symbol.asyncDispose]()
    },
  }
}
