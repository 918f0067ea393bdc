import { invalidParameter } from '../glacier-error.ts'
import type { Call } from '../http/call.ts'

/**
 * How many items a page may have. A limit above the maximum gives the maximum, as the live service
 * does; one that is not a whole number from 1 is refused.
 */
export function pageLimit(call: Call, pageMax: number): number {
  const text = call.query.get('limit')
  if (text === undefined || text === '') return pageMax
  if (!/^[0-9]{1,10}$/.test(text) || Number(text) < 1) {
    throw invalidParameter(`The limit is not valid: ${text}`)
  }
  return Math.min(Number(text), pageMax)
}

/** An item and where it stands: a marker names a position, so that it stays true when items come and go. */
export interface Positioned<Item> {
  readonly position: string
  readonly item: Item
}

/**
 * The page that begins at the request's marker.
 *
 * @param sorted by ascending position, in code-unit order.
 */
export function takePage<Item>(
  call: Call,
  sorted: readonly Positioned<Item>[],
  pageMax: number,
): { readonly items: readonly Item[]; readonly marker: string | null } {
  const limit = pageLimit(call, pageMax)
  const from = readMarker(call.query.get('marker'))
  const rest = from === undefined ? sorted : sorted.filter(({ position }) => position >= from)
  const next = rest[limit]
  return {
    items: rest.slice(0, limit).map(({ item }) => item),
    marker: next === undefined ? null : formatMarker(next.position),
  }
}

export function formatMarker(position: string): string {
  return Buffer.from(position).toString('base64url')
}

/** The position that a marker names; undefined when it is absent or empty, which is the start. */
export function readMarker(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  const position = Buffer.from(text, 'base64url').toString()
  if (formatMarker(position) === text) return position
  throw invalidParameter(`The marker is not valid: ${text}`)
}
