/** Values that are computed on first access, so that a plan is compiled quickly and its parts cost memory only if used. */

/** Returns a function that calls a pure function once, on first access. */
export function lazy<Value extends object | string>(create: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= create())
}
