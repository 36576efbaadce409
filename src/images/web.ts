/**
 * A client for HTTP and HTTPS that uses the proxies of the environment and follows redirects (RFC 9110 §15.4). Responses
 * are not trusted: the caller verifies the body.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as askHttps } from 'node:https'
import { getCACertificates } from 'node:tls'
import type { Clock } from '../host/clock.ts'
import { Agent, request as askHttp } from '../host/http.ts'
import { reasonOf } from './codes.ts'

type Ask = { readonly method: 'GET' | 'HEAD'; readonly headers?: Readonly<Record<string, string>> }

export type Web = {
  /**
   * Resolves with the first response that is not a redirect, whatever its status. The caller must read or destroy its
   * body.
   *
   * @throws {Error} with the host and the reason
   */
  open(url: string, ask: Ask): Promise<IncomingMessage>
  /** Closes the persistent connections. */
  close(): void
}

/** Maximum time until a response starts, and between two chunks of it. */
export const stallMs = 30_000

const maxRedirects = 10
const redirects = [301, 302, 303, 307, 308]

/**
 * @param environment HTTP_PROXY, HTTPS_PROXY, and NO_PROXY, in upper or lower case
 * @param authorities PEM certificates; by default those of Node and of the system, where companies install their own
 * @throws {Error} when the URL of a proxy is invalid
 */
export function createWeb(
  environment: NodeJS.ProcessEnv,
  clock: Clock,
  authorities?: readonly string[],
): Web {
  const settings = { keepAlive: true, proxyEnv: environment }
  const agent = new Agent(settings)
  let tlsAgent: TlsAgent | undefined

  // Created for the first https URL, because reading the certificates of the system takes time.
  const secure = () => (tlsAgent ??= new TlsAgent({ ...settings, ca: [...(authorities ?? trusted())] }))

  const request = (url: URL, { method, headers }: Ask): ClientRequest => {
    // The checksum is that of the file, so a proxy must not compress it.
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
      for (let hop = 0; hop <= maxRedirects; hop++) {
        const answer = await answerTo(request(at, ask), clock)
        const { location } = answer.headers
        if (!redirects.includes(answer.statusCode as number) || location === undefined) return answer
        // Destroyed without reading, because its body can be endless.
        answer.destroy()
        at = redirected(location, at)
      }
      throw new Error(`${url} was redirected more than ${maxRedirects} times`)
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
    throw new Error(
      `${from.host} redirects to ${JSON.stringify(location)}, which is not an http or https URL`,
    )
  }
  return to
}

function answerTo(request: ClientRequest, clock: Clock): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(stallMs, () => request.destroy(new Error(`no response in ${stallMs / 1000} s`)))
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

/** Downloads a small file. @throws {Error} when that fails, or it is larger than `max` bytes */
export async function readBody(web: Web, url: string, max: number, clock: Clock): Promise<Buffer> {
  const answer = await web.open(url, { method: 'GET' })
  const stall = watchStall(answer, clock)
  try {
    if (answer.statusCode !== 200) throw new Error(`the server responds ${statusOf(answer)}`)
    const chunks: Buffer[] = []
    let octets = 0
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      stall.seen()
      octets += chunk.length
      if (octets > max) throw new Error(`it has more than ${max} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    stall.stop()
    answer.destroy()
  }
}

/** `404 Not Found` */
export function statusOf({ statusCode, statusMessage }: IncomingMessage): string {
  return `${statusCode} ${statusMessage}`.trimEnd()
}

export type StallWatch = { /** To be called for each chunk. */ seen(): void; stop(): void }

/** Destroys a response that sends nothing for {@link stallMs}; its reader gets an error. */
export function watchStall(answer: IncomingMessage, clock: Clock): StallWatch {
  let last = clock.monotonic()
  const check = () => {
    const idle = clock.monotonic() - last
    if (idle >= stallMs) answer.destroy(new Error(`the response stalled for ${stallMs / 1000} s`))
    else timer = clock.after(stallMs - idle, check)
  }
  let timer = clock.after(stallMs, check)
  return { seen: () => void (last = clock.monotonic()), stop: () => timer.cancel() }
}
