/** Runs a bounded number of queries at once. */

const maxParallel = 16

/** @param run returns whether to continue with the next item */
export async function forEachInParallel<T>(
  items: readonly T[],
  run: (item: T) => Promise<boolean>,
): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next++] as T
      if (!(await run(item))) next = items.length
    }
  }
  await Promise.all(Array.from({ length: Math.min(maxParallel, items.length) }, work))
}
