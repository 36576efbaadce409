/**
 * Sends HTTP requests byte by byte, each on a new connection. Runs in the namespace of the client as
 * `node http-requests.ts SERVER`, with a JSON list of requests on standard input, and prints the responses.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { runCases } from './run-cases.ts'

export type HttpCase = {
  /** Everything that the client sends, in Latin-1. */
  readonly text: string
  /** The methods of the expected responses. */
  readonly methods: readonly string[]
  /** Whether the client closes its sending side after the text. */
  readonly isHalfClosed: boolean
}

export type HttpResponse = {
  /** For example `HTTP/1.1 200`. */
  readonly status: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly octets: number
  readonly sha256: string
}

export type HttpResult = {
  readonly responses: readonly HttpResponse[]
  /** Octets after the last complete response. */
  readonly rest: number
  /** Whether the server closed the connection. */
  readonly isClosed: boolean
}

const server = process.argv[2] ?? ''
/** Long enough for the largest file on a busy machine. */
const responseMs = 5000
/** Servers close a connection immediately after the response, or keep it for seconds. */
const closeMs = 400
const concurrent = 8

async function run({ text: request, methods, isHalfClosed }: HttpCase): Promise<HttpResult> {
  const socket = connect({ host: server, port: 80, allowHalfOpen: true })
  const chunks: Buffer[] = []
  let isClosed = false
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('end', () => (isClosed = true))
  socket.on('close', () => (isClosed = true))
  socket.on('error', () => (isClosed = true))
  await once(socket, 'connect')
  socket.write(request, 'latin1')
  if (isHalfClosed) socket.end()
  const until = async (limitMs: number, condition: () => boolean): Promise<void> => {
    for (const end = performance.now() + limitMs; !condition() && performance.now() < end;) await pause(10)
  }
  let parsed = parse(chunks, methods, false)
  await until(responseMs, () => {
    parsed = parse(chunks, methods, isClosed)
    return isClosed || parsed.responses.length === methods.length
  })
  await until(closeMs, () => isClosed)
  socket.destroy()
  return { ...parse(chunks, methods, isClosed), isClosed }
}

/** @param isClosed whether a response without a length is complete */
function parse(
  chunks: Buffer[],
  methods: readonly string[],
  isClosed: boolean,
): Pick<HttpResult, 'responses' | 'rest'> {
  if (chunks.length > 1) chunks.splice(0, chunks.length, Buffer.concat(chunks))
  let [rest = Buffer.alloc(0)] = chunks
  const responses: HttpResponse[] = []
  for (const method of methods) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) break
    const [status = '', ...lines] = rest.toString('latin1', 0, end).split('\r\n')
    const headers = lines.map((line) => {
      const at = line.indexOf(':')
      return [line.slice(0, at), line.slice(at + 1).trim()] as const
    })
    const length = headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1]
    const hasBody = method !== 'HEAD' && !/^HTTP\/1\.1 (?:1\d\d|204|304)/.test(status)
    const octets = !hasBody ? 0 : length === undefined ? rest.length - end - 4 : Number(length)
    if (rest.length < end + 4 + octets || (hasBody && length === undefined && !isClosed)) break
    const body = rest.subarray(end + 4, end + 4 + octets)
    const sha256 = createHash('sha256').update(body).digest('hex')
    responses.push({ status: status.slice(0, 12), headers, octets, sha256 })
    rest = rest.subarray(end + 4 + octets)
  }
  return { responses, rest: rest.length }
}

await runCases(concurrent, (each) => run(each as HttpCase))
