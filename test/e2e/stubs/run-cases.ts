/** Runs the cases on standard input, a JSON list, and prints the list of their results. */
import { text } from 'node:stream/consumers'

/** @param concurrent how many cases run at the same time */
export async function runCases(concurrent: number, run: (each: unknown) => Promise<unknown>): Promise<void> {
  const pending = [...(JSON.parse(await text(process.stdin)) as unknown[]).entries()]
  const results: unknown[] = []
  async function work(): Promise<void> {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      results[next[0]] = await run(next[1])
    }
  }
  await Promise.all(Array.from({ length: concurrent }, work))
  process.stdout.write(JSON.stringify(results))
}
