import { hash } from 'node:crypto'

declare const jobIdBrand: unique symbol

/** Identifies one archive job: a UUID in lower case, version 7 when Firn made it (RFC 9562 §5.7). */
export type JobId = string & { readonly [jobIdBrand]: true }

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The only way to a {@link JobId}; undefined when `text` is not a lower-case UUID. */
export function parseJobId(text: string): JobId | undefined {
  return UUID.test(text) ? (text as JobId) : undefined
}

/**
 * A version 7 UUID: 48 bits of Unix time in milliseconds, then 74 random bits, so ids sort by the
 * time they were made.
 *
 * @param nowMs Unix time, 0 to 2^48 - 1.
 * @param random at least 10 random bytes, from a cryptographic source.
 */
export function createJobId(nowMs: number, random: Uint8Array): JobId {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes.set(random.subarray(0, 10), 6)
  return formatUuid(bytes, 7)
}

/**
 * The id of the job that an idempotency key stands for: a version 8 UUID (RFC 9562 §5.8) from the
 * key's SHA-256. The key thus finds its job wherever jobs are kept, for as long as they are kept,
 * and needs no record of its own.
 */
export function jobIdOfKey(key: string): JobId {
  const digest = hash('sha256', `firn idempotency key ${key}`, 'buffer')
  return formatUuid(digest.subarray(0, 16), 8)
}

/** 16 bytes as a UUID of that version, variant 10. */
function formatUuid(content: Uint8Array, version: number): JobId {
  const bytes = Buffer.from(content)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | (version << 4), 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  return [...groups, hex.slice(20)].join('-') as JobId
}
