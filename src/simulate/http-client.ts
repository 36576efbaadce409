/** An HTTP client like those of firmware, iPXE, and the live system: no redirects, and it checks Content-Length. */
import { createHash } from 'node:crypto'
import type { Agent as HttpAgent, IncomingMessage } from 'node:http'
import { Agent, request } from '../host/http.ts'
import { BootProblem } from './timeline.ts'

export type Fetched = {
  readonly octets: number
  readonly sha256: string
  /** The body as text if `asText` was set, else empty. */
  readonly text: string
}

export type HttpClient = {
  /** @throws {BootProblem} unless the response is a complete 200 */
  fetch(url: string, options?: { readonly asText?: boolean }): Promise<Fetched>
  /** @throws {BootProblem} unless the response is a 403 */
  expectRefusal(url: string): Promise<void>
  /**
   * Returns the Content-Length of the response to HEAD.
   *
   * @throws {BootProblem} unless the response is a 200 with a Content-Length
   */
  size(url: string): Promise<number>
  close(): void
}

/** A transfer that receives nothing for this time is aborted. */
const idleMs = 10_000

/** Limit for text: scripts and Ignition files. */
const maxTextBytes = 16 * 1024 * 1024

/** Uses one persistent connection for all requests, as iPXE does. */
export function openHttpClient(userAgent: string): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let secure: Transport | undefined
  const ask = async (method: Method, url: string, expected = 200): Promise<IncomingMessage> => {
    const protocol = URL.parse(url)?.protocol
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw problem(method, url, 'an http:// or https:// URL', JSON.stringify(url))
    }
    if (protocol === 'https:') secure ??= openSecure()
    const by = protocol === 'https:' && secure !== undefined ? secure : { request, agent }
    const response = await send(method, url, by, userAgent)
    if (response.statusCode === expected) return response
    response.resume()
    const { statusCode = 0, statusMessage = '', headers } = response
    const target = headers.location === undefined ? '' : ` to ${headers.location}`
    throw problem(method, url, String(expected), `${statusCode} ${statusMessage}${target}`)
  }
  return {
    fetch: async (url, { asText = false } = {}) => readBody(url, await ask('GET', url), asText),
    async expectRefusal(url) {
      const response = await ask('GET', url, 403)
      response.resume()
    },
    async size(url) {
      const response = await ask('HEAD', url)
      response.resume()
      const announced = response.headers['content-length']
      if (announced === undefined) throw problem('HEAD', url, 'Content-Length', 'none')
      return Number(announced)
    },
    close() {
      agent.destroy()
      secure?.agent.destroy()
    },
  }
}

type Method = 'GET' | 'HEAD'

/** A client of HTTP or HTTPS. */
type Transport = { readonly request: typeof request; readonly agent: HttpAgent }

/** Accepts any certificate: a simulated node gets no secret, and its URLs must also work before iPXE has the CA. */
function openSecure(): Transport {
  const https = process.getBuiltinModule('node:https')
  return {
    request: https.request,
    agent: new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false }),
  }
}

function send(
  method: Method,
  url: string,
  { request: ask, agent }: Transport,
  userAgent: string,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const options = { method, agent, timeout: idleMs, headers: { 'user-agent': userAgent } }
  const outgoing = ask(url, options, resolve)
  outgoing.on('timeout', () => outgoing.destroy(new Error(`no data for ${idleMs / 1000} s`)))
  outgoing.on('error', (error) => reject(problem(method, url, 'a response', error.message)))
  outgoing.end()
  return promise
}

async function readBody(url: string, response: IncomingMessage, asText: boolean): Promise<Fetched> {
  const hash = createHash('sha256')
  const kept: Buffer[] = []
  let octets = 0
  try {
    for await (const block of response as AsyncIterable<Buffer>) {
      hash.update(block)
      octets += block.length
      if (asText && octets <= maxTextBytes) kept.push(block)
    }
  } catch (error) {
    throw problem('GET', url, 'the whole body', `${octets} bytes, then ${(error as Error).message}`)
  }
  const announced = response.headers['content-length']
  if (announced !== String(octets)) {
    throw problem('GET', url, `Content-Length ${octets}, the size of the body`, announced ?? 'none')
  }
  return { octets, sha256: hash.digest('hex'), text: Buffer.concat(kept).toString('utf8') }
}

function problem(method: Method, url: string, expected: string, came: string): BootProblem {
  return new BootProblem(
    `${expected} for ${method} ${url}`,
    came,
    'the output of "slipway check", and the log of the server for this path',
  )
}
