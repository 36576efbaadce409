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

/** The maximum number of items in one step. */
export const itemsPerStep = 500

/** Calls a function for each item, with a pause after every 500 items. */
export function* forEachStep<Item>(items: Iterable<Item>, each: (item: Item) => void): Generator<void, void> {
  let count = 0
  for (const item of items) {
    each(item)
    count += 1
    if (count % itemsPerStep === 0) yield
  }
}

/** Maps as `flatMap` does, with a pause after every 500 items. */
export function* flatMapSteps<Item, Result>(
  items: Iterable<Item>,
  map: (item: Item) => readonly Result[],
): Generator<void, Result[]> {
  const results: Result[] = []
  yield* forEachStep(items, (item) => void results.push(...map(item)))
  return results
}

/** Returns a function that calls a pure function once, on first access. */
export function lazy<Value extends object | string>(create: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= create())
}
