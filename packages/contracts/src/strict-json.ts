/** Levels of objects and lists; the deepest valid request has three. */
export const JSON_DEPTH_MAX = 16

export type StrictJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: 'invalid' | 'too-deep' | 'duplicate-key' }
  | { readonly ok: false; readonly reason: 'forbidden-key'; readonly key: string }

/**
 * Parses UTF-8 JSON as strictly as one can: JSON.parse, and besides no byte that is not UTF-8, no
 * byte order mark, no key twice in an object (parsers disagree on which one counts), no
 * `__proto__` key and no nesting beyond {@link JSON_DEPTH_MAX}. Never reports what it read.
 */
export function parseStrictJson(bytes: Uint8Array): StrictJson {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    return checkKeys(text) ?? { ok: true, value }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) {
      return { ok: false, reason: 'invalid' }
    }
    throw error
  }
}

/** A string, or a character that opens or closes something or ends a key. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g

/** What is wrong with the keys or the depth of `text`, which is known to be valid JSON. */
function checkKeys(text: string): StrictJson | undefined {
  // One entry per open object or list, whose brackets are known to match; lists have no keys.
  const open: Set<string>[] = []
  let lastString = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith('"')) lastString = token
    else if (token === ':') {
      const refusal = addKey(open.at(-1), String(JSON.parse(lastString)))
      if (refusal !== undefined) return refusal
    } else if (token === '}' || token === ']') open.pop()
    else if (open.push(new Set()) > JSON_DEPTH_MAX) return { ok: false, reason: 'too-deep' }
  }
  return undefined
}

function addKey(keys: Set<string> | undefined, key: string): StrictJson | undefined {
  if (key === '__proto__') return { ok: false, reason: 'forbidden-key', key }
  if (keys?.has(key)) return { ok: false, reason: 'duplicate-key' }
  keys?.add(key)
  return undefined
}
