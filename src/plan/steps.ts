/**
 * How a plan is computed without delaying answers: in steps, between which the caller can do other work, or on first access, so
 * that parts cost memory only if used.
 */

/** Runs a computation to its end without a pause. */
export function runSteps<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

const itemsPerStep = 500

/** Maps as `flatMap` does, with a pause after every 500 items. */
export function* flatMapSteps<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => readonly Result[],
): Generator<void, Result[]> {
  const results: Result[] = []
  for (const [index, item] of items.entries()) {
    results.push(...map(item))
    if ((index + 1) % itemsPerStep === 0) yield
  }
  return results
}

/** Returns a function that calls a pure function once, on first access. */
export function lazy<Value extends object | string>(create: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= create())
}
