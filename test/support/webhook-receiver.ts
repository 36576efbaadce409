/** A receiver of webhooks on loopback, with TLS, that records its requests and verifies their signatures itself. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders, RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { HookEvent } from '../../src/serve/hooks/events.ts'
import { makeAuthority } from './certificates.ts'

export const secretText = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

let authority: ReturnType<typeof makeAuthority> | undefined

/** @returns a file with a secret, and one with the authority of all receivers */
export function hookFiles(t: Test, content = `${secretText}\n`, mode = 0o600) {
  authority ??= makeAuthority()
  const folder = mkdtempSync(join(tmpdir(), 'slipway-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [secretFile, ca] = [join(folder, 'secret'), join(folder, 'ca.pem')]
  writeFileSync(secretFile, content)
  chmodSync(secretFile, mode)
  writeFileSync(ca, authority.certificate)
  return { secretFile, ca }
}

export type Received = {
  readonly headers: IncomingHttpHeaders
  readonly event: HookEvent
  readonly isSigned: boolean
}

/** @param respond by default 204 */
export async function webhookReceiver(
  t: Test,
  respond: (response: ServerResponse, count: number) => void = (response) => response.writeHead(204).end(),
  names = 'DNS:localhost',
) {
  authority ??= makeAuthority()
  const { certificate: cert, key } = authority.server(names)
  const received: Received[] = []
  const listener: RequestListener = (request, response) => {
    void text(request).then((body) => {
      const { headers } = request
      const signed = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.')
      const secretBytes = Buffer.from(secretText.slice('whsec_'.length), 'base64')
      const expected = `v1,${createHmac('sha256', secretBytes).update(signed).digest('base64')}`
      received.push({
        headers,
        event: JSON.parse(body) as HookEvent,
        isSigned: headers['webhook-signature'] === expected,
      })
      respond(response, received.length)
    })
  }
  const server = createServer({ cert, key }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { received, url: `https://localhost:${port}/slipway`, host: `localhost:${port}` }
}
