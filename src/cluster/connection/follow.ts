/**
 * Follows a collection with list and watch until it is aborted. It resumes after an interruption, lists again when the
 * server no longer has the changes in between or went back to an older state, and waits longer after each failure.
 */
import { type Clock, type Timer, isAborted, pause } from '../../host/clock.ts'
import type { Problem } from '../codes.ts'
import { NoCredentials } from '../kubeconfig/file.ts'
import { ApiProblem, BadEvent, ConnectionReplaced, isExpired, isServerWide, problemOf } from './errors.ts'

/** The items of a collection at `resourceVersion`, from which a watch can start. */
export type Listed<T> = { readonly items: readonly T[]; readonly resourceVersion: string }

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED'

export type WatchEvent =
  | { readonly type: WatchEventType; readonly object: unknown; readonly resourceVersion: string }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

export type FollowHandlers<T> = {
  /** Replaces the whole collection. */
  onList(items: readonly T[]): void
  onEvent(type: WatchEventType, item: T): void
  /** The collection cannot be followed at the moment; `problem` is the reason. Called again when the reason changes. */
  onOutage(problem: Problem): void
  /** Ends the outage that `onOutage` reported. The collection may be unchanged. */
  onReachable(): void
  /** The server has an older state than before, for example because etcd was restored from a snapshot. */
  onRollback(): void
}

export type FollowSource<T> = {
  list(signal: AbortSignal): Promise<Listed<T>>
  /** Returns the newest resource version. */
  newestVersion(signal: AbortSignal): Promise<string>
  /** @param onOpen called when the server has started to answer */
  watch(
    from: string,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
    onOpen: () => void,
  ): Promise<void>
}

type FollowOptions = { readonly signal: AbortSignal; readonly clock: Clock; readonly backoff: Backoff }

const firstDelayMs = 500
const maxDelayMs = 30_000
/** A shorter watch without an event ended unexpectedly. A watch that stays open this long proves the server works. */
const shortWatchMs = 1000
/** The maximum time between two lists, whatever the watch reports. It bounds the effect of a lost event. */
export const relistMs = 10 * 60_000
/**
 * An API server that was unreachable for this long may come back with another state. Its version does not show that if
 * writes after the restore of etcd have already passed the newest version seen.
 */
const longOutageMs = 5000
/** The delay does not grow for a missing kubeconfig, because checking a local file is cheap. */
const noCredentialsMs = 5000

/** The server reports a resource version below one that it reported before. */
class WentBack extends Error {
  override readonly name = 'WentBack'
}

/** Resolves when the signal aborts; never rejects. */
export async function follow<T>(
  source: FollowSource<T>,
  handlers: FollowHandlers<T>,
  { signal, clock, backoff }: FollowOptions,
): Promise<void> {
  /** The newest version seen. */
  let version: string | undefined
  let needsList = true
  let listedMs = 0
  /** When the current interruption of the server started. */
  let interruptedMs: number | undefined
  /** Consecutive failures of this collection alone. */
  let failures = 0
  /** Consecutive lists that a watch required, without an event in between. */
  let restarts = 0
  let isFailing = false
  let sentence: string | undefined
  let openTimer: Timer | undefined

  const onReachable = (): void => {
    failures = 0
    restarts = 0
    if (isFailing) backoff.reset()
    isFailing = false
    endOutage()
  }
  const endOutage = (): void => {
    if (sentence === undefined || isAborted(signal)) return
    sentence = undefined
    handlers.onReachable()
  }
  const onEvent = (event: WatchEvent): void => {
    // Data that was already received still arrives after the abort.
    if (isAborted(signal)) return
    if (isOlder(event.resourceVersion, version)) throw new WentBack()
    version = event.resourceVersion
    onReachable()
    if (event.type !== 'BOOKMARK') handlers.onEvent(event.type, event.object as T)
  }
  const onOpen = (): void => {
    if (isFailing || failures > 0) openTimer = clock.after(shortWatchMs, onReachable)
  }

  async function list(): Promise<void> {
    const { items, resourceVersion } = await source.list(signal)
    if (isAborted(signal)) return
    const isRollback = isOlder(resourceVersion, version)
    version = resourceVersion
    needsList = false
    listedMs = clock.monotonic()
    handlers.onList(items)
    if (isRollback) handlers.onRollback()
  }

  /** Whether a watch from `version` on could miss changes. */
  async function isOutdated(): Promise<boolean> {
    const now = clock.monotonic()
    if (needsList || now - listedMs >= relistMs) return true
    if (interruptedMs === undefined) return false
    return now - interruptedMs >= longOutageMs || isOlder(await source.newestVersion(signal), version)
  }

  /** Reports the failure, and resolves when it is time to try again. */
  async function onFailure(error: Error, attempt: number): Promise<void> {
    const problem = problemOf(error)
    const retryAfterMs = error instanceof ApiProblem ? (error.retryAfterSeconds ?? 0) * 1000 : 0
    if (isMissingKind(error)) {
      // An operator defines this kind later, or never.
      needsList = true
      endOutage()
      handlers.onList([])
    } else {
      isFailing = true
      if (problem.sentence !== sentence) handlers.onOutage(problem)
      sentence = problem.sentence
    }
    if (isServerWide(error)) {
      // A server that limits requests has kept its state.
      const isLimited = error instanceof ApiProblem && error.status === 429
      if (!isLimited) interruptedMs ??= clock.monotonic()
      await backoff.wait(attempt, retryAfterMs, signal)
      return
    }
    failures++
    const delayMs = error instanceof NoCredentials ? noCredentialsMs : backoff.delayMs(failures)
    await pause(clock, Math.max(delayMs, Math.min(retryAfterMs, maxDelayMs)), signal)
  }

  while (!signal.aborted) {
    let startedMs = clock.monotonic()
    const attempt = backoff.attempt()
    try {
      if (await isOutdated()) await list()
      if (isAborted(signal)) return
      interruptedMs = undefined
      startedMs = clock.monotonic()
      await source.watch(version ?? '', onEvent, signal, onOpen)
      openTimer?.cancel()
      if (clock.monotonic() - startedMs >= shortWatchMs) onReachable()
      else await pause(clock, backoff.delayMs(++failures), signal)
    } catch (error) {
      openTimer?.cancel()
      if (isAborted(signal)) return
      if (error instanceof ConnectionReplaced) continue
      const isRestart = isExpired(error) || error instanceof WentBack
      needsList ||= isRestart || error instanceof BadEvent
      // Lists again without a delay: an expired version is normal. A server that reports it again at once is faulty.
      const isRepeated = restarts > 0 && clock.monotonic() - startedMs < shortWatchMs
      if (isRestart) restarts++
      if (isRestart && !isRepeated) continue
      await onFailure(error as Error, attempt)
    }
  }
}

/** Whether the API server itself, and not a proxy in front of it, reports that it does not know this kind. */
function isMissingKind(error: unknown): boolean {
  if (!(error instanceof ApiProblem) || error.status !== 404) return false
  return error.reason === 'NotFound' || error.message.startsWith('404 page not found')
}

/** Compares resource versions, which are decimal numbers; anything else is not comparable. */
function isOlder(version: string, seen: string | undefined): boolean {
  const isNumber = (text: string | undefined) => text !== undefined && /^\d{1,20}$/.test(text)
  return isNumber(version) && isNumber(seen) && BigInt(version) < BigInt(seen as string)
}

/** The delays of all requests to one server. Each failure doubles the delay, from 0.5 s to 30 s. */
export type Backoff = {
  /** Returns a number for {@link Backoff.wait}. Requests that fail during one outage count once per delay. */
  attempt(): number
  /** Resolves when the next request may be sent, or at once on {@link Backoff.reset}. */
  wait(attempt: number, minMs: number, signal: AbortSignal): Promise<void>
  /** The server answers again: everything that waits continues. */
  reset(): void
  /** The delay after a number of consecutive failures. */
  delayMs(failures: number): number
}

/** @param random returns a number from 0 to 1; half of each delay is random, so that clients do not retry at the same time */
export function createBackoff(clock: Clock, random: () => number): Backoff {
  let failures = 0
  let current = 0
  let retryMs = 0
  let wake = new AbortController()

  const delayMs = (count: number): number => {
    const full = Math.min(maxDelayMs, firstDelayMs * 2 ** (count - 1))
    return full / 2 + (full / 2) * random()
  }

  return {
    delayMs,
    attempt: () => current,
    async wait(attempt, minMs, signal) {
      if (attempt === current) {
        current++
        retryMs = clock.monotonic() + Math.max(delayMs(++failures), Math.min(minMs, maxDelayMs))
      }
      const leftMs = retryMs - clock.monotonic()
      if (leftMs > 0) await pause(clock, leftMs, AbortSignal.any([signal, wake.signal]))
    },
    reset() {
      failures = 0
      wake.abort()
      wake = new AbortController()
    },
  }
}
