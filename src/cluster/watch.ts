/** One watch request: its events in order, from a resourceVersion on, until the server ends it. */
import { ApiProblem, type WatchEventType } from './api.ts'
import { lineSplitter } from './lines.ts'
import { problemOf, withQuery } from './refusal.ts'
import type { Transport } from './transport.ts'

/** What an event says, decoded as far as following goes. */
export type WatchEvent =
  | { readonly type: WatchEventType; readonly object: unknown; readonly resourceVersion: string }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** A line that is no event: what comes after it cannot be trusted to be complete. */
export class BadEvent extends Error {
  override readonly name = 'BadEvent'
}

/**
 * Below the minute after which HAProxy, as OpenShift's manual sets it up, cuts a connection that is silent
 * (`timeout server 1m`); a connection that died in silence is noticed as soon.
 */
const watchSeconds = 50
const graceSeconds = 10

/**
 * Calls `onOpen` when the server begins to answer and `take` with each event; resolves when the server ends the
 * watch as it was asked to.
 *
 * @throws {ApiProblem} for a refusal, also one within the stream; {BadEvent}, {Unreachable}, {NoCredentials}
 */
export async function readWatch(
  transport: Pick<Transport, 'open'>,
  path: string,
  resourceVersion: string,
  take: (event: WatchEvent) => void,
  signal: AbortSignal,
  onOpen: () => void,
): Promise<void> {
  const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(resourceVersion)}`
  const answer = await transport.open(withQuery(path, query), (watchSeconds + graceSeconds) * 1000, signal)
  if ('status' in answer) throw problemOf(answer)
  onOpen()
  const split = lineSplitter()
  // What remains without a newline at the end is half an event: the connection was cut in it.
  for await (const chunk of answer) for (const line of split(chunk)) take(decodeEvent(line))
}

type Loose = { readonly type?: unknown; readonly object?: unknown } | null

function decodeEvent(line: string): WatchEvent {
  let event: Loose
  try {
    event = JSON.parse(line) as Loose
  } catch {
    throw new BadEvent('it sent an event that is not JSON')
  }
  const { type, object } = event ?? {}
  if (typeof object !== 'object' || object === null) throw new BadEvent('it sent an event without an object')
  if (type === 'ERROR') {
    const { code } = object as { readonly code?: unknown }
    throw problemOf({ status: typeof code === 'number' ? code : 500, text: JSON.stringify(object) })
  }
  const { metadata } = object as { readonly metadata?: { readonly resourceVersion?: unknown } | null }
  const resourceVersion = metadata?.resourceVersion
  if (typeof resourceVersion !== 'string') throw new BadEvent('it sent an event without a resourceVersion')
  if (type === 'BOOKMARK') return { type, resourceVersion }
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object, resourceVersion }
  throw new BadEvent(`it sent an event of the type ${JSON.stringify(type)}`)
}

/** Whether the server no longer knows the place where a watch should go on. */
export function isTooOld(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 410
}
