/**
 * Lets V8 collect garbage before the heaps of all threads grow, and return free pages at once, during a reload: the memory that
 * it needs would stay with the process. Not during a start, because V8 does not use cached code of a process with other flags
 * (docs/decisions/0027).
 */
import { setFlagsFromString } from 'node:v8'

/** The services use the plan by then. */
const delayMs = 1000

let uses = 0

/** @returns a function that ends it a second later, unless another use has begun */
export function keepHeapsSmall(): () => void {
  if (uses++ === 0) setFlagsFromString('--optimize-for-size')
  return () => {
    const end = (): void => {
      if (--uses === 0) setFlagsFromString('--no-optimize-for-size')
    }
    setTimeout(end, delayMs).unref()
  }
}
