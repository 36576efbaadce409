/** Computations in steps: generators that yield between parts, so that the caller can do other work there. */

/** Runs a computation to its end without a pause. */
export function runSteps<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}
