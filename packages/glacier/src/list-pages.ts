import { AppError } from '@firn/core'

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly marker: string | undefined
}

/** Far beyond any list: 10,000 parts are 200 pages of the live service's 50. */
const PAGES_MAX = 100_000

/**
 * Follows the markers of a list to its end, which is a marker that is null, absent or empty. A
 * page may be shorter than its limit, even empty, and not be the last.
 */
export async function* listPages<Item>(
  fetchPage: (marker: string | undefined) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let marker: string | undefined
  for (let count = 0; count < PAGES_MAX; count++) {
    const page = await fetchPage(marker)
    yield* page.items
    if (!page.marker) return
    if (page.marker === marker) break
    marker = page.marker
  }
  throw new AppError('GLACIER_UNAVAILABLE', 'Cannot list: the pages that Glacier gives do not end')
}
