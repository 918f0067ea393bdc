import { hash, timingSafeEqual } from 'node:crypto'

/** Whether an Authorization header carries one of the tokens. */
export type TokenCheck = (authorization: string | undefined) => boolean

/** `basic` takes the token as the password of any user: what a browser can ask a person for. */
export type TokenScheme = 'basic' | 'bearer'

/**
 * Compares hashes, each of the same length and in constant time, and every one of them, so that
 * the time taken says nothing about any token. Keeps no token in memory.
 */
export function createTokenCheck(
  tokens: readonly string[],
  schemes: readonly TokenScheme[] = ['bearer'],
): TokenCheck {
  const known = tokens.map(digest)
  return (authorization = '') => {
    const given = schemes.map((scheme) => readToken[scheme](authorization)).find(isDefined)
    if (given === undefined) return false
    const givenDigest = digest(given)
    return known.map((one) => timingSafeEqual(one, givenDigest)).includes(true)
  }
}

const readToken: Readonly<Record<TokenScheme, (authorization: string) => string | undefined>> = {
  bearer: (authorization) => /^bearer +(\S+) *$/i.exec(authorization)?.[1],
  basic(authorization) {
    const encoded = /^basic +([\w+/-]+={0,2}) *$/i.exec(authorization)?.[1] ?? ''
    // A user's name holds no colon (RFC 7617); a token may.
    return /^[^:]*:(.+)$/s.exec(Buffer.from(encoded, 'base64').toString())?.[1]
  },
}

function isDefined(token: string | undefined): boolean {
  return token !== undefined
}

function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}
