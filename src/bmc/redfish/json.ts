/** Reads fields of Redfish resources, which can have any type: BMCs deviate from the schema. Pure. */

export type Json = Readonly<Record<string, unknown>>

/** Returns a nested value: `at(system, 'Boot', 'BootSourceOverrideTarget')`. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  let current = value
  for (const key of keys) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Json)[key]
  }
  return current
}

/** Returns a text without outer blanks; nothing for an empty one, and for the placeholders that BMCs write. */
export function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  const text = at(value, ...keys)
  if (typeof text !== 'string') return undefined
  const trimmed = text.trim()
  return /^(?:|none|null|n\/a|unknown|not specified|to be filled by o\.?e\.?m\.?)$/i.test(trimmed)
    ? undefined
    : trimmed
}

export function textsAt(value: unknown, ...keys: readonly string[]): string[] | undefined {
  const list = at(value, ...keys)
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : undefined
}

/** Returns the elements of a list; none if it is not a list. */
export function listAt(value: unknown, ...keys: readonly string[]): readonly unknown[] {
  const list = at(value, ...keys)
  return Array.isArray(list) ? list : []
}

/** Returns the path of a link (`@odata.id`). */
export function linkAt(value: unknown, ...keys: readonly string[]): string | undefined {
  return textAt(value, ...keys, '@odata.id')
}

/** Returns the paths of a list of links. */
export function linksAt(value: unknown, ...keys: readonly string[]): string[] {
  return listAt(value, ...keys).flatMap((link) => linkAt(link) ?? [])
}

/** Returns the paths of the members of a collection. */
export function membersOf(collection: unknown): string[] {
  return linksAt(collection, 'Members')
}
