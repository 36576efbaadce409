/**
 * What may be asked of a cluster's API server: the few calls that following an installation needs.
 * `connectCluster` makes one from a kubeconfig.
 */

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** Items of a collection as the server had them at `resourceVersion`, from which a watch goes on. */
export type Listed<T> = { readonly items: readonly T[]; readonly resourceVersion: string }

export type FollowHandlers<T> = {
  /** The whole collection: first, and again whenever the server no longer knows where a watch has to go on. */
  onList(items: readonly T[]): void
  onEvent(type: WatchEventType, item: T): void
  /** Why nothing is heard at the moment, a sentence; it is tried again. */
  onTrouble(sentence: string): void
  /** Called once when a trouble that was told is over; nothing need have changed meanwhile. */
  onHeard(): void
}

/**
 * Paths are those of the API, with their query: `/api/v1/nodes?limit=500`. What the answers hold is the
 * server's word: a caller treats every field of `T` as if it may be absent.
 */
export type ClusterApi = {
  /** @throws {ApiProblem} for the server's refusals, {Error} with a sentence when it cannot be asked */
  get<T>(path: string, signal?: AbortSignal): Promise<T>
  /** Follows `continue`, within bounds. @throws as {@link ClusterApi.get} */
  list<T>(path: string, signal?: AbortSignal): Promise<Listed<T>>
  /**
   * List and watch: goes on where it was after a cut, lists anew when that is too old (410), waits longer
   * after each failure. Resolves when `signal` aborts; never rejects.
   */
  follow<T>(path: string, handlers: FollowHandlers<T>, signal: AbortSignal): Promise<void>
  /** Waits as long as a 429 asks for, a few times. @throws as {@link ClusterApi.get} */
  put<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T>
}

/** The server understood and said no. The message is a sentence; `reason` is its word: `Conflict`, `NotFound`. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly reason: string
  /** How long the server does not want to be asked, when it says so. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message)
    this.status = status
    this.reason = reason
    this.retryAfterSeconds = retryAfterSeconds
  }
}
