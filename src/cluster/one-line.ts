/** What a cluster, or what stands before it, has to say to people: on one line, and not for ever. Pure. */

/** Without what would move a terminal's cursor. @param most characters */
export function oneLine(text: string, most: number): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > most ? `${line.slice(0, most)}…` : line
}

/** What of a page is looked at: a load balancer's says what it has to say at once. */
const mostOfPage = 4096

/** The words of an HTML page; any other text as it is. */
export function wordsOf(text: string): string {
  const begin = text.slice(0, mostOfPage)
  if (!/^\s*<[!a-z]/i.test(begin)) return text
  return begin.replace(/<(head|style|script)\b.*?<\/\1\s*>/gis, ' ').replace(/<[^>]*(?:>|$)/g, ' ')
}
