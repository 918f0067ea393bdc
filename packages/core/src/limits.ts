/** One mebibyte, the leaf of the tree hash and the smallest part. */
export const MIB = 1024 ** 2

// The multipart limits of Amazon Glacier ("Quick Facts" of its developer guide).
export const PART_SIZE_MIN_BYTES = MIB
export const PART_SIZE_MAX_BYTES = 4 * 1024 ** 3
export const PART_COUNT_MAX = 10_000
/** 10,000 parts of 4 GiB: 39.06 TiB. Fits a double exactly. */
export const ARCHIVE_SIZE_MAX_BYTES = PART_COUNT_MAX * PART_SIZE_MAX_BYTES
/** Glacier's limit for an archive description, in bytes of printable ASCII. */
export const DESCRIPTION_MAX_BYTES = 1024
/** What is left for the user after Firn's marker; see `marker.ts`. */
export const USER_DESCRIPTION_MAX_BYTES = 960
export const VAULT_NAME_MAX_CHARS = 255
