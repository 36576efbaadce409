/**
 * One attempt to deliver an event: a signed POST request (https://www.standardwebhooks.com), or a command that reads the
 * event on standard input. Never rejects. Neither the secret, the path of a URL, nor the arguments of a command are in
 * its results.
 */
import { createHmac } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Clock } from '../../host/clock.ts'
import { runCommand } from '../../host/command.ts'
import { request as requestHttp } from '../../host/http.ts'
import type { HookTarget } from '../../plan/hooks.ts'
import type { HookCode } from './codes.ts'
import type { HookEvent } from './events.ts'

export type Attempt = {
  /** `temporary`: another attempt can succeed. */
  readonly outcome: 'delivered' | 'temporary' | 'permanent'
  /** `204 No Content`, `exit code 0`, or why it failed. */
  readonly detail: string
  /** What the receiver returned: the start of the response body, or of the output of the command. */
  readonly output: string
  readonly code?: HookCode
}

export type AttemptOptions = {
  readonly timeoutMs: number
  readonly clock: Clock
  /** Aborts the attempt. */
  readonly signal: AbortSignal
}

type Webhook = Extract<HookTarget, { kind: 'webhook' }>
type HookCommand = Extract<HookTarget, { kind: 'command' }>

export function deliver(target: HookTarget, event: HookEvent, options: AttemptOptions): Promise<Attempt> {
  return target.kind === 'webhook' ? post(target, event, options) : run(target, event, options)
}

const maxOutputBytes = 4096

async function run(
  { program, args }: HookCommand,
  event: HookEvent,
  { timeoutMs, signal }: AttemptOptions,
): Promise<Attempt> {
  const { kind, ending, output } = await runCommand(program, args, timeoutMs, {
    // Nothing of the environment of the service: a command gets only what is documented.
    environment: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      SLIPWAY_EVENT: event.type,
      SLIPWAY_EVENT_ID: event.id,
    },
    input: `${JSON.stringify(event)}\n`,
    maxOutputBytes,
    signal,
  })
  return { outcome: kind === 'done' ? 'delivered' : 'temporary', detail: `${program}: ${ending}`, output }
}

async function post(target: Webhook, event: HookEvent, options: AttemptOptions): Promise<Attempt> {
  const { clock } = options
  let secret: Buffer
  let ca: string | undefined
  try {
    // Each time, so that a new secret needs no reload.
    secret = await readSecret(target.secretFile)
    ca = target.ca === undefined ? undefined : await readFile(target.ca, 'utf8')
  } catch (error) {
    const detail = (error as Error).message
    return { outcome: 'temporary', code: 'hook.secret-unusable', detail, output: '' }
  }
  const body = JSON.stringify(event)
  const seconds = Math.floor(clock.now() / 1000)
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'slipway',
    'webhook-id': event.id,
    'webhook-timestamp': seconds,
    'webhook-signature': signatureOf(secret, event.id, seconds, body),
  }
  const url = new URL(target.url)
  try {
    // Without an agent that keeps connections: events are rare.
    const common = { method: 'POST', headers, agent: false, signal: options.signal } as const
    const request =
      url.protocol === 'https:'
        ? process.getBuiltinModule('node:https').request(url, { ...common, ca })
        : requestHttp(url, common)
    return await responseTo(request, body, options)
  } catch (error) {
    return { outcome: 'temporary', detail: `${url.host}: ${(error as Error).message}`, output: '' }
  }
}

/** Returns the value of `webhook-signature`. */
export function signatureOf(secret: Uint8Array, id: string, seconds: number, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64')}`
}

const retriedStatuses = [408, 425, 429]

async function responseTo(
  request: ClientRequest,
  body: string,
  { timeoutMs, clock }: AttemptOptions,
): Promise<Attempt> {
  const timer = clock.after(timeoutMs, () =>
    request.destroy(new Error(`no complete response within ${timeoutMs / 1000} s`)),
  )
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.on('error', reject)
      request.end(body)
    })
    const status = response.statusCode as number
    const detail = `${request.host}: ${status} ${response.statusMessage ?? ''}`.trimEnd()
    const output = await startOf(response)
    if (status >= 200 && status < 300) return { outcome: 'delivered', detail, output }
    if (status >= 500 || retriedStatuses.includes(status)) return { outcome: 'temporary', detail, output }
    const hint = status >= 300 && status < 400 ? ', redirects are not followed' : ''
    return { outcome: 'permanent', detail: detail + hint, output }
  } finally {
    timer.cancel()
    request.destroy()
  }
}

async function startOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= maxOutputBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxOutputBytes).toString('utf8').trim()
}

const othersMask = 0o077
const minSecretBytes = 24
const maxSecretBytes = 64

/** @throws {Error} with the path and what to do; never with the content */
export async function readSecret(path: string): Promise<Buffer> {
  // Non-blocking, because opening a named pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = await file.stat()
    if (!status.isFile()) throw new Error(`${path} is not a regular file`)
    if ((status.mode & othersMask) !== 0) {
      const mode = (status.mode & 0o777).toString(8).padStart(4, '0')
      throw new Error(`${path} has mode ${mode}, so other users can access the secret: set it to 0600`)
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0)
    const [, text] =
      /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(buffer.toString('latin1', 0, bytesRead).trim()) ?? []
    const secret = Buffer.from(text ?? '', 'base64')
    if (secret.length >= minSecretBytes && secret.length <= maxSecretBytes) return secret
    throw new Error(
      `${path} is not a webhook secret: expected whsec_ and the base64 form of ${minSecretBytes} to ${maxSecretBytes} bytes`,
    )
  } finally {
    await file.close()
  }
}
