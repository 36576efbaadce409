/** The calls of {@link ClusterApi} over a transport: JSON, pages, refusals, and waiting when the server asks for it. */
import type { Clock } from '../host/clock.ts'
import { ApiProblem, type ClusterApi, type Listed } from './api.ts'
import { follow } from './follow.ts'
import type { KubeconfigFile } from './kubeconfig-file.ts'
import { pause } from './pause.ts'
import { problemOf, withQuery } from './refusal.ts'
import { createTransport, Unreachable, type Request } from './transport.ts'
import { readWatch } from './watch.ts'

export type ClusterConnection = ClusterApi & {
  /** Cuts what is under way. */
  close(): void
}

type ConnectOptions = {
  readonly kubeconfig: Pick<KubeconfigFile, 'credentials'>
  readonly clock: Clock
  /** From 0 up to 1; spreads the attempts of several clients. */
  readonly random?: () => number
}

const pageItems = 500
/** A hundred thousand items: no cluster has as many nodes, requests or operators. */
const mostPages = 200
/** A list whose pages became too old is begun again, but not for ever. */
const mostListings = 3

/** A 429 is waited for and asked again this often, each time as long as it says and no longer than this. */
const mostRetries = 5
const longestRetrySeconds = 30

/** Nothing is sent before the first call. */
export function connectCluster({
  kubeconfig,
  clock,
  random = Math.random,
}: ConnectOptions): ClusterConnection {
  const transport = createTransport(() => kubeconfig.credentials(), clock)

  async function ask<T>(request: Request, retries = 0): Promise<T> {
    const answer = await transport.exchange(request)
    if (answer.status === 200 || answer.status === 201) return decodeObject(answer.text) as T
    if (answer.status !== 429 || retries === mostRetries) throw problemOf(answer)
    const seconds = Math.min(answer.retryAfterSeconds ?? 1, longestRetrySeconds)
    await pause(clock, seconds * 1000, request.signal)
    return ask(request, retries + 1)
  }

  async function list<T>(path: string, signal?: AbortSignal): Promise<Listed<T>> {
    for (let listings = 1; ; listings++) {
      try {
        return await listPages((page) => ask<Page>({ method: 'GET', path: page, signal }), path)
      } catch (error) {
        const isTooOld = error instanceof ApiProblem && error.status === 410
        if (!isTooOld || listings === mostListings) throw error
      }
    }
  }

  return {
    get: (path, signal) => ask({ method: 'GET', path, signal }),
    list,
    follow: (path, handlers, signal) =>
      follow(
        {
          list: (within) => list(path, within),
          watch: (...how) => readWatch(transport, path, ...how),
        },
        handlers,
        { signal, clock, random },
      ),
    put: (path, body, signal) => ask({ method: 'PUT', path, body: JSON.stringify(body), signal }),
    close: () => transport.close(),
  }
}

/** As the server sends it: nothing is certain. */
type Page = {
  readonly items?: unknown
  readonly metadata?: { readonly resourceVersion?: unknown; readonly continue?: unknown } | null
}

async function listPages<T>(ask: (path: string) => Promise<Page>, path: string): Promise<Listed<T>> {
  const items: T[] = []
  let query = `limit=${pageItems}`
  for (let pages = 0; pages < mostPages; pages++) {
    const { items: more, metadata } = await ask(withQuery(path, query))
    if (Array.isArray(more)) items.push(...(more.filter(isObject) as T[]))
    const { resourceVersion, continue: token } = metadata ?? {}
    if (typeof token !== 'string' || token === '') {
      return { items, resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '' }
    }
    query = `limit=${pageItems}&continue=${encodeURIComponent(token)}`
  }
  throw new Unreachable(`the list ${path} has more than ${mostPages} pages`)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** @throws {Unreachable} for what is no JSON object: a login page, half an answer */
function decodeObject(text: string): object {
  try {
    const value = JSON.parse(text) as unknown
    if (isObject(value)) return value
  } catch {
    // Said below, with what was there.
  }
  throw new Unreachable(`the answer is not a JSON object: ${JSON.stringify(text.slice(0, 60))}`)
}
