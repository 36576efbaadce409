/** Objects with optional properties. */

/** Returns the properties whose value is not undefined, to spread into an object with optional properties. */
export function defined<T extends object>(properties: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>
  }
}
