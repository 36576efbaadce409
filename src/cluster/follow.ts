/**
 * List and watch, for ever: goes on after a cut where it was, lists anew when that place is too old or the
 * stream cannot be trusted, and waits longer after each failure. Knows nothing of HTTP.
 */
import type { Clock, Timer } from '../host/clock.ts'
import { ApiProblem, type FollowHandlers, type Listed } from './api.ts'
import { LineTooLong } from './lines.ts'
import { pause } from './pause.ts'
import { BadEvent, isTooOld, type WatchEvent } from './watch.ts'

type Source<T> = {
  list(signal: AbortSignal): Promise<Listed<T>>
  /** @param onOpen called when the server has begun to answer */
  watch(
    from: string,
    take: (event: WatchEvent) => void,
    signal: AbortSignal,
    onOpen: () => void,
  ): Promise<void>
}

type Pace = { readonly signal: AbortSignal; readonly clock: Clock; readonly random: () => number }

const firstDelayMs = 500
const longestDelayMs = 30_000
/** A watch that ends sooner and brought nothing was not meant to end; one that lasts so long is heard. */
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
  let isTold = false
  let lasting: Timer | undefined

  const take = (event: WatchEvent): void => {
    // Octets that were on their way still arrive.
    if (isOver(signal)) return
    place = event.resourceVersion
    heard()
    if (event.type !== 'BOOKMARK') handlers.onEvent(event.type, event.object as T)
  }
  const heard = (): void => {
    failures = 0
    endTrouble()
  }
  const endTrouble = (): void => {
    said = undefined
    if (!isTold || isOver(signal)) return
    isTold = false
    handlers.onHeard()
  }
  /** @returns how long the server does not want to be asked */
  const failed = (error: Error): number => {
    if (isTooOld(error) || error instanceof BadEvent || error instanceof LineTooLong) place = undefined
    failures++
    const leastMs = error instanceof ApiProblem ? (error.retryAfterSeconds ?? 0) * 1000 : 0
    if (isNoCollection(error)) {
      // An operator brings it, later or never.
      place = undefined
      endTrouble()
      handlers.onList([])
      return leastMs
    }
    const { message: sentence } = error
    // A place that became too old is the usual course of things after a while without changes.
    const isUsual = isTooOld(error) && failures === 1
    if (sentence !== said && !isUsual) {
      isTold = true
      handlers.onTrouble(sentence)
    }
    said = sentence
    return leastMs
  }
  const onOpen = (): void => {
    if (failures > 0) lasting = clock.after(shortWatchMs, heard)
  }

  while (!signal.aborted) {
    const startedMs = clock.monotonic()
    let leastMs = 0
    try {
      if (place === undefined) {
        const { items, resourceVersion } = await source.list(signal)
        if (isOver(signal)) return
        place = resourceVersion
        handlers.onList(items)
      }
      await source.watch(place, take, signal, onOpen)
      if (clock.monotonic() - startedMs >= shortWatchMs) heard()
      else failures++
    } catch (error) {
      if (isOver(signal)) return
      leastMs = failed(error as Error)
    } finally {
      lasting?.cancel()
    }
    if (failures === 0) continue
    await pause(clock, Math.max(delayMs(failures, random()), Math.min(leastMs, longestDelayMs)), signal)
  }
}

/** Whether the API server, and not somebody before it, says that it knows no objects of the kind: in plain text, mostly. */
function isNoCollection(error: unknown): boolean {
  if (!(error instanceof ApiProblem) || error.status !== 404) return false
  return error.reason === 'NotFound' || error.message.startsWith('404 page not found')
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
