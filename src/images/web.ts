/**
 * Asking for a file over HTTP or HTTPS: through the proxies that the environment names, along redirects (RFC 9110
 * §15.4), to the head of the answer. Nothing that comes is believed: whoever reads the body verifies it.
 */
import { Agent, request as askHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as askHttps } from 'node:https'
import { getCACertificates } from 'node:tls'
import type { Clock } from '../host/clock.ts'
import { reasonOf } from './problem.ts'

type Ask = { readonly method: 'GET' | 'HEAD'; readonly headers?: Readonly<Record<string, string>> }

export type Web = {
  /**
   * Resolves with an answer that is no redirect, whatever its status, its body unread. Who takes it reads it or
   * destroys it.
   *
   * @throws {Error} saying what failed on the way
   */
  open(url: string, ask: Ask): Promise<IncomingMessage>
  /** Ends the connections that are kept for a next request. */
  close(): void
}

/** Until an answer begins, and between two pieces of it. */
export const stallMs = 30_000

const mostRedirects = 10
const redirects = [301, 302, 303, 307, 308]

/**
 * @param environment HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or not
 * @param authorities PEM certificates; Node's own and the system's, where a company puts its own, when absent
 * @throws {Error} when the environment names a proxy that is none
 */
export function createWeb(
  environment: NodeJS.ProcessEnv,
  clock: Clock,
  authorities?: readonly string[],
): Web {
  const settings = { keepAlive: true, proxyEnv: environment }
  const agent = new Agent(settings)
  let tlsAgent: TlsAgent | undefined

  // Reading the system's certificates takes a while, so it waits for the first URL that needs them.
  const secure = () => (tlsAgent ??= new TlsAgent({ ...settings, ca: [...(authorities ?? trusted())] }))

  const request = (url: URL, { method, headers }: Ask): ClientRequest => {
    // The sum is over the octets as they lie there, not over what a compression on the way makes of them.
    const options = {
      method,
      headers: { 'user-agent': 'slipway', 'accept-encoding': 'identity', ...headers },
    }
    return url.protocol === 'https:'
      ? askHttps(url, { ...options, agent: secure() })
      : askHttp(url, { ...options, agent })
  }

  return {
    async open(url, ask) {
      let at = new URL(url)
      for (let hop = 0; hop <= mostRedirects; hop++) {
        const answer = await answerTo(request(at, ask), clock)
        const { location } = answer.headers
        if (!redirects.includes(answer.statusCode as number) || location === undefined) return answer
        // Its body may be endless.
        answer.destroy()
        at = redirected(location, at)
      }
      throw new Error(`${url} was redirected more than ${mostRedirects} times`)
    },
    close() {
      agent.destroy()
      tlsAgent?.destroy()
    },
  }
}

function trusted(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
}

function redirected(location: string, from: URL): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (to === undefined || !['http:', 'https:'].includes(to.protocol)) {
    throw new Error(`${from.host} redirects to ${JSON.stringify(location)}, where nothing is fetched from`)
  }
  return to
}

function answerTo(request: ClientRequest, clock: Clock): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(stallMs, () => request.destroy(new Error(`no answer in ${stallMs / 1000} s`)))
    request.once('response', (answer) => {
      timer.cancel()
      resolve(answer)
    })
    request.on('error', (error) => {
      timer.cancel()
      reject(new Error(`${request.host}: ${reasonOf(error)}`))
    })
    request.end()
  })
}

/** The text of a small file. @throws {Error} when it cannot be had, or is larger than `most` octets */
export async function readBody(web: Web, url: string, most: number, clock: Clock): Promise<string> {
  const answer = await web.open(url, { method: 'GET' })
  const stall = watchStall(answer, clock)
  try {
    if (answer.statusCode !== 200) throw new Error(`the server answers ${statusOf(answer)}`)
    const chunks: Buffer[] = []
    let octets = 0
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      stall.seen()
      octets += chunk.length
      if (octets > most) throw new Error(`it has more than ${most} octets`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  } finally {
    stall.stop()
    answer.destroy()
  }
}

/** `404 Not Found` */
export function statusOf({ statusCode, statusMessage }: IncomingMessage): string {
  return `${statusCode} ${statusMessage}`.trimEnd()
}

export type StallWatch = { /** Something came. */ seen(): void; stop(): void }

/** Ends an answer whose body stops coming, with an error for whoever reads it. */
export function watchStall(answer: IncomingMessage, clock: Clock): StallWatch {
  let last = clock.monotonic()
  const check = () => {
    const idle = clock.monotonic() - last
    if (idle >= stallMs) answer.destroy(new Error(`nothing more came in ${stallMs / 1000} s`))
    else timer = clock.after(stallMs - idle, check)
  }
  let timer = clock.after(stallMs, check)
  return { seen: () => void (last = clock.monotonic()), stop: () => timer.cancel() }
}
