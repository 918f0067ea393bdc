import { fileURLToPath } from 'node:url'

/** Where a journal is kept. */
export type JournalLocation =
  | { readonly type: 'directory'; readonly directory: string }
  /** `prefix` is what every key begins with: '' or a path that ends in a slash. */
  | { readonly type: 's3'; readonly bucket: string; readonly prefix: string }

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
/** What no server, signature or shell reads in more than one way. */
const PREFIX = /^[A-Za-z0-9!_.()*'-]+(?:\/[A-Za-z0-9!_.()*'-]+)*$/
/** Keys have 1,024 bytes at most; a record's name takes some 60 of them. */
const PREFIX_MAX_CHARS = 900
const ALLOWED = 'allowed are file:<directory> and s3://<bucket>/<prefix>'

/**
 * What a journal's URL names: `file:` and a path, absolute or relative to the working directory, or
 * `s3://`, a bucket and a prefix. Throws when it names neither.
 */
export function parseJournalUrl(url: string): JournalLocation {
  if (url.startsWith('s3://')) return parseBucket(url)
  if (!url.startsWith('file:')) throw new Error(`JOURNAL_URL is "${url}"; ${ALLOWED}`)
  const directory = url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length)
  if (directory === '') throw new Error(`JOURNAL_URL is "${url}", which names no directory`)
  return { type: 'directory', directory }
}

function parseBucket(url: string): JournalLocation {
  const [bucket = '', ...rest] = url.slice('s3://'.length).split('/')
  const path = rest.join('/').replace(/\/$/, '')
  if (!BUCKET.test(bucket)) {
    throw new Error(`JOURNAL_URL is "${url}", and "${bucket}" is no name of a bucket; ${ALLOWED}`)
  }
  if (path === '') return { type: 's3', bucket, prefix: '' }
  const isPlain = PREFIX.test(path) && !path.split('/').some((part) => /^\.\.?$/.test(part))
  if (!isPlain || path.length > PREFIX_MAX_CHARS) {
    throw new Error(
      `JOURNAL_URL is "${url}", and its prefix is not up to ${PREFIX_MAX_CHARS} letters, digits and !_.()*'- between single slashes; ${ALLOWED}`,
    )
  }
  return { type: 's3', bucket, prefix: `${path}/` }
}

/** The directory of a journal that has one, for a look at its disk; null for one in a bucket. */
export function journalDirectory(url: string): string | null {
  const location = parseJournalUrl(url)
  return location.type === 'directory' ? location.directory : null
}
