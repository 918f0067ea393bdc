import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * Identifiers in the shapes of the live service: opaque, of the URL-safe alphabet `[A-Za-z0-9_-]`,
 * possibly beginning with `-`.
 */
export const newUploadId = (): string => randomBytes(69).toString('base64url')
export const newJobId = (): string => randomBytes(69).toString('base64url')
export const newLockId = (): string => randomBytes(18).toString('base64url')
export const newCapacityId = (): string => randomBytes(18).toString('base64url')
export const newRequestId = (): string => randomBytes(35).toString('base64url')

/** Names a directory of the store: safe on every file system, never taken from a request. */
export const newKey = (): string => randomBytes(16).toString('hex')

/**
 * Archive ids that prove themselves: key of the vault, random bytes and a MAC over both. So the
 * deletion of an archive can be repeated for ever without a memory of what was deleted, and an id
 * of another vault is told from one that nobody gave out.
 */
export interface ArchiveIds {
  /** A new id, 138 characters. */
  readonly mint: (vaultKey: string) => string
  /** The key of the vault that the id was minted for; undefined when it was not minted here. */
  readonly vaultKeyOf: (archiveId: string) => string | undefined
}

const KEY_BYTES = 16
const BODY_BYTES = 71
const MAC_BYTES = 32

export function createArchiveIds(secret: Uint8Array): ArchiveIds {
  const macOf = (body: Uint8Array): Buffer => createHmac('sha256', secret).update(body).digest()
  return {
    mint(vaultKey) {
      const random = randomBytes(BODY_BYTES - KEY_BYTES)
      const body = Buffer.concat([random, Buffer.from(vaultKey, 'hex')])
      return Buffer.concat([body, macOf(body)]).toString('base64url')
    },
    vaultKeyOf(archiveId) {
      if (!/^[A-Za-z0-9_-]{138}$/.test(archiveId)) return undefined
      const bytes = Buffer.from(archiveId, 'base64url')
      if (bytes.length !== BODY_BYTES + MAC_BYTES) return undefined
      const body = bytes.subarray(0, BODY_BYTES)
      if (!timingSafeEqual(macOf(body), bytes.subarray(BODY_BYTES))) return undefined
      return body.subarray(BODY_BYTES - KEY_BYTES).toString('hex')
    },
  }
}
