/** Objects with optional properties. */

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** Returns the properties whose value is not undefined, to spread into an object with optional properties. */
export function defined<T extends object>(properties: T): Defined<T> {
  const result: Defined<T> = {}
  for (const key in properties) {
    const value = properties[key]
    if (value !== undefined) result[key] = value as Defined<T>[typeof key]
  }
  return result
}
