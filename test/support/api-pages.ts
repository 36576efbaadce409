/** Lists in pages, as the API server returns them: `limit` and `continue`. */
import { listOf, type ApiObject } from './api-shapes.ts'

type Remainder = { readonly version: number; readonly items: readonly ApiObject[] }

export type Pages = {
  /**
   * Returns the first page, or the next one of a list that was started: all pages have the version of the first.
   *
   * @param oldest the oldest version that the server has
   * @returns undefined if `continue` is older
   */
  page({ pathname, searchParams }: URL, now: Remainder, oldest: number): object | undefined
}

/** @param maxItems of a page, also if the client asks for more */
export function createPages(maxItems: number): Pages {
  /** Keys are a path and `continue`. */
  const remainders = new Map<string, Remainder>()
  return {
    page({ pathname, searchParams }, now, oldest) {
      const token = searchParams.get('continue')
      const begun = token === null ? now : remainders.get(`${pathname} ${token}`)
      if (begun === undefined || begun.version < oldest) return undefined
      const { version, items } = begun
      const size = Math.min(maxItems, Number(searchParams.get('limit') ?? items.length))
      const rest = items.slice(size)
      const next = `after-${size}-of-${items.length}-at-${version}`
      if (rest.length > 0) remainders.set(`${pathname} ${next}`, { version, items: rest })
      const more = rest.length > 0 ? { continue: next, remainingItemCount: rest.length } : {}
      return listOf(pathname, items.slice(0, size), { resourceVersion: `${version}`, ...more })
    },
  }
}
