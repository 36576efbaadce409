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

/** Returns a function that calls a pure function once, on first access. */
export function lazy<Value extends object | string>(create: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= create())
}
