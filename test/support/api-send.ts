/** How the API server of the tests writes its responses. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { statusOf } from './api-shapes.ts'

export type Refusal = {
  readonly status: number
  readonly reason: string
  readonly headers?: Record<string, string>
  /** The body instead of a Status, as from a proxy in front of the server. */
  readonly text?: string
}

/** The response for a kind that the server does not know, for example before its operator is installed. */
export const notServed: Refusal = { status: 404, reason: 'NotFound', text: '404 page not found\n' }

export function sendRefusal(response: ServerResponse, { status, reason, headers, text }: Refusal): void {
  const body = text ?? JSON.stringify(statusOf(status, reason, `the test says ${reason}`))
  const type = text === undefined ? 'application/json' : 'text/plain; charset=utf-8'
  response.writeHead(status, { 'content-type': type, ...headers }).end(body)
}

/** A longer body is compressed for a client that accepts it. */
const maxPlainBytes = 128 * 1024

export function send(
  { headers }: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: object,
): void {
  const text = JSON.stringify(body)
  const isCompressed = text.length > maxPlainBytes && /\bgzip\b/.test(String(headers['accept-encoding']))
  const encoding = isCompressed ? { 'content-encoding': 'gzip' } : {}
  response.writeHead(status, { 'content-type': 'application/json', ...encoding })
  response.end(isCompressed ? gzipSync(text) : text)
}
