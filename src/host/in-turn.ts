/** Runs an operation one at a time, with at most one more waiting. */

/**
 * Returns a function that starts the operation, or waits for the one in progress and then runs it again. Calls that
 * arrive while one is waiting share its result, which includes everything that changed before it started.
 */
export function inTurn<Result>(operation: () => Promise<Result>): () => Promise<Result> {
  let active: Promise<Result> | undefined
  let waiting: Promise<Result> | undefined

  function start(): Promise<Result> {
    const run = operation().finally(() => {
      if (active === run) active = undefined
    })
    active = run
    return run
  }

  return () => {
    if (active === undefined) return start()
    waiting ??= active
      .catch(() => {})
      .then(() => {
        waiting = undefined
        return start()
      })
    return waiting
  }
}
