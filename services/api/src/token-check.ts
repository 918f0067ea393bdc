import { hash, timingSafeEqual } from 'node:crypto'

/** Whether an Authorization header carries one of the tokens. */
export type TokenCheck = (authorization: string | undefined) => boolean

/**
 * Compares hashes, each of the same length and in constant time, and every one of them, so that
 * the time taken says nothing about any token. Keeps no token in memory.
 */
export function createTokenCheck(tokens: readonly string[]): TokenCheck {
  const known = tokens.map(digest)
  return (authorization) => {
    const given = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    if (given === undefined) return false
    const givenDigest = digest(given)
    return known.map((one) => timingSafeEqual(one, givenDigest)).includes(true)
  }
}

function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}
