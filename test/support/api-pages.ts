/** Lists in pages, as the API server gives them: `limit` and `continue`. */
import { listOf, type ApiObject } from './api-shapes.ts'

type Remainder = { readonly version: number; readonly items: readonly ApiObject[] }

export type Pages = {
  /**
   * Of the collection as it is, or of what remains of the one that was begun: later pages are of the version that
   * the first was of.
   *
   * @param oldest version that the server still has @returns undefined when `continue` is of an older one
   */
  page({ pathname, searchParams }: URL, now: Remainder, oldest: number): object | undefined
}

/** @param most items of a page, however many are asked for */
export function createPages(most: number): Pages {
  /** By path and `continue`. */
  const remainders = new Map<string, Remainder>()
  return {
    page({ pathname, searchParams }, now, oldest) {
      const token = searchParams.get('continue')
      const begun = token === null ? now : remainders.get(`${pathname} ${token}`)
      if (begun === undefined || begun.version < oldest) return undefined
      const { version, items } = begun
      const size = Math.min(most, Number(searchParams.get('limit') ?? items.length))
      const rest = items.slice(size)
      const next = `after-${size}-of-${items.length}-at-${version}`
      if (rest.length > 0) remainders.set(`${pathname} ${next}`, { version, items: rest })
      const more = rest.length > 0 ? { continue: next, remainingItemCount: rest.length } : {}
      return listOf(pathname, items.slice(0, size), { resourceVersion: `${version}`, ...more })
    },
  }
}
