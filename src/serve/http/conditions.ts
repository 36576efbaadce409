/**
 * Conditional requests for a file with a strong entity tag (RFC 9110 §13). @fastify/send compares tags weakly, so it gets
 * only the header fields that remain after this: dates, and a range that may be sent.
 */
import type { IncomingHttpHeaders } from 'node:http'

/** `send`: evaluate the remaining fields. `not-modified`: 304. `failed`: 412. */
export type ConditionResult = 'send' | 'not-modified' | 'failed'

/** Removes the fields that are evaluated here. @param tag the strong tag of the file, with its quotes */
export function evaluateConditions(
  headers: IncomingHttpHeaders,
  { tag, modifiedMs }: { readonly tag: string; readonly modifiedMs: number },
): ConditionResult {
  const { 'if-match': match, 'if-none-match': noneMatch, 'if-range': ifRange } = headers
  if (match !== undefined) {
    if (match.trim() !== '*' && !tagsOf(match).includes(tag)) return 'failed'
    delete headers['if-match']
    // RFC 9110 §13.1.4: the tag is more accurate than the date.
    delete headers['if-unmodified-since']
  }
  if (noneMatch !== undefined) {
    const isSame =
      noneMatch.trim() === '*' || tagsOf(noneMatch).some((each) => each.replace(/^W\//, '') === tag)
    // A client that reloads does not want 304.
    if (isSame && headers['cache-control']?.includes('no-cache') !== true) return 'not-modified'
    delete headers['if-none-match']
    delete headers['if-modified-since']
  }
  if (ifRange !== undefined) {
    if (!isCurrent(String(ifRange), tag, modifiedMs)) delete headers.range
    delete headers['if-range']
  }
  return 'send'
}

/** RFC 9110 §13.1.5: the strong tag, or exactly the date of the file. */
function isCurrent(ifRange: string, tag: string, modifiedMs: number): boolean {
  if (ifRange.includes('"')) return ifRange.trim() === tag
  return Date.parse(ifRange) === Math.floor(modifiedMs / 1000) * 1000
}

function tagsOf(list: string): string[] {
  return list.match(/(?:W\/)?"[^"]*"/g) ?? []
}
