import {
  ARCHIVE_SIZE_MAX_BYTES,
  isPartSize,
  isPrintableAscii,
  MARKER_PREFIX,
  PART_SIZE_MAX_BYTES,
  PART_SIZE_MIN_BYTES,
  USER_DESCRIPTION_MAX_BYTES,
  VAULT_NAME_MAX_CHARS,
} from '@firn/core'
import { z } from 'zod'

const SOURCE_PATH_MAX_BYTES = 4096
const FILE_NAME_MAX_BYTES = 255
const LABEL_COUNT_MAX = 16
const LABEL_KEY_MAX_CHARS = 63
const LABEL_VALUE_MAX_CHARS = 255

/** Amazon Glacier's rule for vault names; `.` and `..` would vanish from a URL's path. */
export const VaultName = z
  .string()
  .regex(/^[A-Za-z0-9._-]+$/, 'only letters, digits, ".", "_" and "-" are allowed')
  .max(VAULT_NAME_MAX_CHARS)
  .refine((name) => name !== '.' && name !== '..', 'may not be "." or ".."')
  .meta({ id: 'VaultName', description: 'Name of a vault', examples: ['photos'] })

/** Glacier drops leading spaces, so they are dropped before anything is compared or stored. */
export const Description = z
  .string()
  .refine(isPrintableAscii, 'only printable ASCII (0x20 to 0x7E) is allowed')
  .transform((text) => text.replace(/^ +/, ''))
  .refine(
    (text) => text.length <= USER_DESCRIPTION_MAX_BYTES,
    `at most ${USER_DESCRIPTION_MAX_BYTES} characters after leading spaces`,
  )
  .refine((text) => !text.startsWith(MARKER_PREFIX), `may not begin with "${MARKER_PREFIX}"`)
  .meta({
    description: `Printable ASCII, at most ${USER_DESCRIPTION_MAX_BYTES} characters; leading spaces are dropped`,
  })

export const PartSize = z
  .number()
  .refine(isPartSize, 'must be 1 MiB times a power of two, from 1,048,576 to 4,294,967,296')
  .meta({
    description: 'Bytes of every part but the last: 1 MiB times a power of two, up to 4 GiB',
    type: 'integer',
    minimum: PART_SIZE_MIN_BYTES,
    maximum: PART_SIZE_MAX_BYTES,
    examples: [16_777_216],
  })

export const ArchiveSize = z
  .int()
  .min(1)
  .max(ARCHIVE_SIZE_MAX_BYTES)
  .meta({ description: 'Bytes of the whole archive; an archive is never empty' })

/** Hashes are accepted in either case and compared in lower case. */
export const Sha256Hex = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
  .toLowerCase()

export const Priority = z
  .int()
  .min(0)
  .max(7)
  .meta({ description: '0 (most urgent) to 7, as in RFC 9218; default 3' })

/** Refuses lone surrogates: they have no UTF-8 form, so they would not come back as they went in. */
export function wellFormed() {
  return z.string().refine((text) => text.isWellFormed(), 'has a lone surrogate')
}

const LabelKey = z
  .string()
  .max(LABEL_KEY_MAX_CHARS)
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/,
    'must be letters, digits, ".", "_", "/" or "-", with a letter or digit at both ends',
  )

const LabelValue = wellFormed()
  .max(LABEL_VALUE_MAX_CHARS)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  .refine((text) => !/[\u0000-\u001f\u007f]/.test(text), 'has a control character')

export const Labels = z
  .record(LabelKey, LabelValue)
  .refine(
    (labels) => Object.keys(labels).length <= LABEL_COUNT_MAX,
    `at most ${LABEL_COUNT_MAX} labels`,
  )
  .meta({ description: 'Free key-value pairs to find jobs by', examples: [{ project: 'alps' }] })

export const FilePath = wellFormed()
  .min(1, 'must not be empty')
  .refine((path) => !path.includes('\0'), 'has a NUL character')
  .refine(
    (path) => Buffer.byteLength(path) <= SOURCE_PATH_MAX_BYTES,
    `at most ${SOURCE_PATH_MAX_BYTES} bytes`,
  )
  .refine(
    (path) => path.split('/').every((name) => Buffer.byteLength(name) <= FILE_NAME_MAX_BYTES),
    `each name in it at most ${FILE_NAME_MAX_BYTES} bytes`,
  )
  .meta({
    description: 'Absolute path, as the workers see it, under one of the directories they allow',
    examples: ['/srv/archive/2026.tar'],
  })
