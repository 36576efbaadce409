/**
 * A client of etcd's JSON gateway (etcd 3.4 and later), on `node:https`: requests that try one member after the other
 * until a deadline, and a watch. Keys and values are base64, 64-bit numbers are decimal text.
 * https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { pause, type Clock } from '../../host/clock.ts'
import { request as httpRequest } from '../../host/http.ts'

export type EtcdOptions = {
  /** URLs of the members, `https` or `http`. */
  readonly endpoints: readonly string[]
  /** Paths of PEM files: the authority of the servers, and the client certificate with its key. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export type KeyValue = { readonly key: string; readonly value: string; readonly revision: number }
export type WatchEvent = { readonly kind: 'put' | 'delete'; readonly entry: KeyValue }

/** No member answered in time, or the cluster has no quorum. The message has the last error. */
export class EtcdUnreachable extends Error {
  override readonly name = 'EtcdUnreachable'
}

/** etcd refused the request; `grpcCode` as in google.golang.org/grpc/codes. */
export class EtcdRefused extends Error {
  override readonly name = 'EtcdRefused'
  readonly grpcCode: number
  constructor(message: string, grpcCode: number) {
    super(message)
    this.grpcCode = grpcCode
  }
}

export type Etcd = {
  /** Sends one request. @param path for example `/v3/kv/txn` @throws {EtcdUnreachable | EtcdRefused} */
  call(path: string, body: object, limitMs?: number): Promise<Reply>
  /** Returns all keys with a prefix, and the revision that they are from. @throws as call */
  list(
    prefix: string,
    after?: number,
  ): Promise<{ readonly entries: readonly KeyValue[]; readonly revision: number }>
  /**
   * Calls `each` for every change of a key with the prefix, from a revision on.
   *
   * @returns a promise that rejects when the watch ends, or receives nothing for `silenceMs`
   */
  watch(prefix: string, from: number, silenceMs: number, each: (event: WatchEvent) => void): Promise<never>
  close(): void
}

export type Reply = {
  readonly header?: { readonly revision?: string }
  readonly succeeded?: boolean
  readonly responses?: readonly { readonly response_range?: { readonly kvs?: readonly RawKeyValue[] } }[]
  readonly kvs?: readonly RawKeyValue[]
  readonly more?: boolean
  readonly ID?: string
}

type RawKeyValue = { readonly key: string; readonly value?: string; readonly mod_revision: string }
type RawWatch = {
  readonly canceled?: boolean
  readonly cancel_reason?: string
  readonly compact_revision?: string
  readonly events?: readonly { readonly type?: string; readonly kv: RawKeyValue }[]
}

/** A stopped member accepts the connection and never answers; the next one must still have time. */
const attemptMs = 700
const limitDefaultMs = 2000
const roundPauseMs = 100
const pageSize = 500
/** A request or a line of a watch is far smaller; a larger one is an error. */
const maxReplyLength = 64 * 1024 * 1024
/** Codes after which another member may succeed: deadline exceeded, internal, unavailable. */
const transientCodes = new Set([4, 13, 14])

export const encode = (text: string): string => Buffer.from(text).toString('base64')
const decode = (text = ''): string => Buffer.from(text, 'base64').toString()

/** Returns the end of the range of all keys with a prefix: its last byte plus one. */
export function prefixEnd(prefix: string): string {
  const bytes = Buffer.from(prefix)
  bytes[bytes.length - 1] = (bytes.at(-1) as number) + 1
  return bytes.toString('base64')
}

export function entryOf({ key, value, mod_revision: revision }: RawKeyValue): KeyValue {
  return { key: decode(key), value: decode(value), revision: Number(revision) }
}

export function createEtcd(options: EtcdOptions, clock: Clock): Etcd {
  const { endpoints } = options
  let preferred = 0
  let connection: { readonly files: string; readonly agent: Agent } | undefined
  const closing = new AbortController()

  /** Reads the certificates at every call, so that renewed ones apply. */
  function agent(): Agent {
    const { ca, cert, key } = options
    const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, 'utf8'))
    const tls = { ca: read(ca), cert: read(cert), key: read(key) }
    const files = JSON.stringify(tls)
    if (connection?.files !== files) {
      connection?.agent.destroy()
      connection = { files, agent: new Agent({ ...tls, keepAlive: true, minVersion: 'TLSv1.2' }) }
    }
    return connection.agent
  }

  function open(index: number, path: string, body: object): Promise<IncomingMessage> {
    const url = new URL(path, endpoints[index])
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const text = JSON.stringify(body)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const common = { method: 'POST', headers, signal: closing.signal }
    const sending =
      url.protocol === 'http:'
        ? httpRequest(url, common, resolve)
        : httpsRequest(url, { ...common, agent: agent() }, resolve)
    sending.on('error', reject)
    sending.end(text)
    const timer = clock.after(attemptMs, () => sending.destroy(new Error(`no answer within ${attemptMs} ms`)))
    return promise.finally(() => timer.cancel())
  }

  async function attempt(index: number, path: string, body: object): Promise<Reply> {
    const response = await open(index, path, body)
    const timer = clock.after(attemptMs, () => response.destroy(new Error(`no complete answer`)))
    try {
      const text = await readText(response)
      if (response.statusCode === 200) return JSON.parse(text) as Reply
      throw refusalOf(text, response.statusCode)
    } finally {
      timer.cancel()
    }
  }

  async function call(path: string, body: object, limitMs = limitDefaultMs): Promise<Reply> {
    const end = clock.monotonic() + limitMs
    const failures: string[] = []
    while (clock.monotonic() < end && !closing.signal.aborted) {
      // After all members failed at once, for example while they elect a leader.
      if (failures.length > 0 && failures.length % endpoints.length === 0)
        await pause(clock, roundPauseMs, closing.signal)
      const index = preferred
      try {
        return await attempt(index, path, body)
      } catch (error) {
        if (error instanceof EtcdRefused && !transientCodes.has(error.grpcCode)) throw error
        failures.push(`${endpoints[index] as string}: ${(error as Error).message}`)
        // Another request may have found a better one.
        if (preferred === index) preferred = (index + 1) % endpoints.length
      }
    }
    throw new EtcdUnreachable(failures.slice(-endpoints.length).join('; ') || 'no time left')
  }

  return {
    call,
    async list(prefix, after = 0) {
      const entries: KeyValue[] = []
      let key = encode(prefix)
      let revision = 0
      for (;;) {
        const page = { key, range_end: prefixEnd(prefix), limit: String(pageSize) }
        const pinned = revision === 0 ? {} : { revision: String(revision) }
        const reply = await call('/v3/kv/range', { ...page, ...pinned, min_mod_revision: String(after + 1) })
        if (revision === 0) revision = Number(reply.header?.revision ?? 0)
        const found = (reply.kvs ?? []).map(entryOf)
        entries.push(...found)
        const last = found.at(-1)
        if (reply.more !== true || last === undefined) return { entries, revision }
        key = encode(`${last.key}\0`)
      }
    },
    async watch(prefix, from, silenceMs, each) {
      const create = { key: encode(prefix), range_end: prefixEnd(prefix), start_revision: String(from) }
      const index = preferred
      const response = await open(index, '/v3/watch', { create_request: create })
      if (response.statusCode !== 200) throw refusalOf(await readText(response), response.statusCode)
      let rest = ''
      const silence = (): void => {
        if (preferred === index) preferred = (index + 1) % endpoints.length
        response.destroy(new Error(`the watch received nothing for ${silenceMs / 1000} s`))
      }
      let timer = clock.after(silenceMs, silence)
      try {
        for await (const chunk of response.setEncoding('utf8')) {
          timer.cancel()
          timer = clock.after(silenceMs, silence)
          const lines = (rest + String(chunk)).split('\n')
          rest = lines.pop() ?? ''
          if (rest.length > maxReplyLength) throw new Error('a line of the watch is too long')
          for (const line of lines) if (line.trim() !== '') eventsIn(line).forEach(each)
        }
      } finally {
        timer.cancel()
        response.destroy()
      }
      throw new EtcdUnreachable('the watch ended')
    },
    close() {
      closing.abort()
      connection?.agent.destroy()
    },
  }
}

/** @throws {EtcdRefused} when etcd canceled the watch, for example because the revision was compacted */
function eventsIn(line: string): WatchEvent[] {
  const { result = {}, error } = JSON.parse(line) as { result?: RawWatch; error?: { message?: string } }
  if (error !== undefined) throw new EtcdRefused(error.message ?? 'the watch failed', 13)
  if (result.canceled === true) {
    const compacted = result.compact_revision === undefined ? '' : `, compacted at ${result.compact_revision}`
    throw new EtcdRefused(`the watch was canceled: ${result.cancel_reason ?? ''}${compacted}`, 11)
  }
  return (result.events ?? []).map(({ type, kv }) => ({
    kind: type === 'DELETE' ? 'delete' : 'put',
    entry: entryOf(kv),
  }))
}

/** etcd 3.4 and 3.5 answer `{"error": …, "message": …, "code": 14}`. */
function refusalOf(text: string, status = 0): Error {
  try {
    const { message, error, code } = JSON.parse(text) as { message?: string; error?: string; code?: number }
    if (code !== undefined) return new EtcdRefused(message ?? error ?? '', code)
  } catch {
    // Not from etcd.
  }
  return new Error(`HTTP status ${status}`)
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > maxReplyLength) throw new Error('the reply is too long')
  }
  return text
}
