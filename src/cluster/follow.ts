/**
 * List and watch, for ever: goes on after a cut where it was, lists anew when that place is too old or the
 * stream cannot be trusted, and waits longer after each failure. Knows nothing of HTTP.
 */
import type { Clock } from '../host/clock.ts'
import { ApiProblem, type FollowHandlers, type Listed } from './api.ts'
import { LineTooLong } from './lines.ts'
import { pause } from './pause.ts'
import { BadEvent, isTooOld, type WatchEvent } from './watch.ts'

type Source<T> = {
  list(signal: AbortSignal): Promise<Listed<T>>
  watch(from: string, take: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>
}

type Pace = { readonly signal: AbortSignal; readonly clock: Clock; readonly random: () => number }

const firstDelayMs = 500
const longestDelayMs = 30_000
/** A watch that ends sooner and brought nothing was not meant to end. */
const shortWatchMs = 1000

/** Resolves when the signal aborts; never rejects. */
export async function follow<T>(
  source: Source<T>,
  handlers: FollowHandlers<T>,
  { signal, clock, random }: Pace,
): Promise<void> {
  let place: string | undefined
  let failures = 0
  let said: string | undefined

  const take = (event: WatchEvent): void => {
    place = event.resourceVersion
    heard()
    if (event.type !== 'BOOKMARK') handlers.onEvent(event.type, event.object as T)
  }
  const heard = (): void => {
    failures = 0
    said = undefined
  }

  while (!signal.aborted) {
    const startedMs = clock.monotonic()
    /** What the server asks for. */
    let leastMs = 0
    try {
      if (place === undefined) {
        const { items, resourceVersion } = await source.list(signal)
        if (isOver(signal)) return
        place = resourceVersion
        handlers.onList(items)
      }
      await source.watch(place, take, signal)
      if (clock.monotonic() - startedMs >= shortWatchMs) heard()
      else failures++
    } catch (error) {
      if (isOver(signal)) return
      if (isTooOld(error) || error instanceof BadEvent || error instanceof LineTooLong) place = undefined
      failures++
      if (error instanceof ApiProblem) leastMs = (error.retryAfterSeconds ?? 0) * 1000
      const sentence = (error as Error).message
      // A place that became too old is the usual course of things after a while without changes.
      if (sentence !== said && !(isTooOld(error) && failures === 1)) handlers.onTrouble(sentence)
      said = sentence
    }
    const askedMs = Math.min(leastMs, longestDelayMs)
    if (failures > 0) await pause(clock, Math.max(delayMs(failures, random()), askedMs), signal)
  }
}

/** Doubles with each failure; half of it is left to chance, so that clients do not come back all at once. */
function delayMs(failures: number, chance: number): number {
  const full = Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1))
  return full / 2 + (full / 2) * chance
}

/** Asked anew after each wait: the compiler believes that a signal once seen stays as it was. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}
