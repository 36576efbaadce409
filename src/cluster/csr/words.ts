/** Words of reasons: a stranger's text is quoted, cut, and free of what would move a cursor. Pure. */
const mostCharacters = 120

export function quoted(text: string): string {
  const shown = text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters)}…`
  return JSON.stringify(shown).replaceAll(/[^\x20-\x7e…]/g, '?')
}

/** Whether two lists hold the same, in any order. */
export function same(list: readonly string[], expected: readonly string[]): boolean {
  const set = new Set(list)
  return (
    list.length === expected.length && set.size === list.length && expected.every((each) => set.has(each))
  )
}
