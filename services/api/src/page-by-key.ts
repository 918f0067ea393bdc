import { type CursorKind, decodeCursor, encodeCursor } from './cursor.ts'

/**
 * A page of a list that is at hand as a whole, in ascending order of `keyOf`. Keys are unique; an
 * item that comes or goes between two pages shifts no other.
 *
 * @throws RequestError PARAMETER_INVALID for a cursor of another list.
 */
export function pageByKey<Item>(
  kind: CursorKind,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  query: { readonly limit: number; readonly cursor?: string | undefined },
): { readonly items: readonly Item[]; readonly nextCursor: string | null } {
  const after = decodeCursor(kind, query.cursor)
  const rest = after === null ? items : items.filter((item) => keyOf(item) > after)
  const page = rest.slice(0, query.limit)
  const last = page.at(-1)
  const hasMore = rest.length > page.length && last !== undefined
  return { items: page, nextCursor: hasMore ? encodeCursor(kind, keyOf(last)) : null }
}
