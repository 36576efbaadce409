import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import type { ListenerLimits } from '../../../src/serve/control/listener.ts'
import { networkApi } from '../../support/network-api.ts'
import { until } from '../../support/until.ts'

/** Tests do not reach the times, even on a busy machine; the test of slow clients lowers them. */
const limits: ListenerLimits = {
  connections: { total: 8, reserve: 2, perKnownClient: 3, perUnknownClient: 2 },
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  checkIntervalMs: 50,
  idleMs: 60_000,
}

/** Opens a TLS connection, and collects what the server sends until it closes. */
async function open(t: Test, port: number) {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return { socket, received: collect(socket) }
}

async function collect(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A connection that is reset has closed, too.
  socket.on('error', () => undefined)
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString()
}

/** Sends octets on a new connection, and returns the complete answer. */
async function exchange(t: Test, port: number, request: string): Promise<string> {
  const { socket, received } = await open(t, port)
  socket.end(request)
  return received
}

t.test('request smuggling: ambiguous requests are refused, and end the connection', async (t) => {
  const { port, token } = await networkApi(t)
  const head = `POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await token('operate')}\r\n`
  const next = 'GET /v1/nodes HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const cases = {
    'a length and chunks': `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${next}`,
    'two lengths': `${head}Content-Length: 0\r\nContent-Length: ${next.length}\r\n\r\n${next}`,
    'a length that is not a number': `${head}Content-Length: +0\r\n\r\n${next}`,
    'an unknown coding': `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${next}`,
    'a space before the colon': `${head}Content-Length : 0\r\n\r\n${next}`,
    'no host': `GET /v1/nodes HTTP/1.1\r\n\r\n${next}`,
    'two hosts': `GET /v1/nodes HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.net\r\n\r\n${next}`,
    'a header that is too large': `${head}X-Long: ${'x'.repeat(17_000)}\r\n\r\n${next}`,
  }
  for (const [name, request] of Object.entries(cases)) {
    const answer = await exchange(t, port, request)
    t.match(answer, /^HTTP\/1\.1 4\d\d /, name)
    t.notMatch(answer, /HTTP\/1\.1 200/, `${name}: neither request is answered`)
  }
})

t.test('slow clients: a handshake, a header, and a body must arrive in time', async (t) => {
  const short = { ...limits, headersTimeoutMs: 1000, requestTimeoutMs: 1500 }
  const { port, token, service } = await networkApi(t, {}, { limits: short })
  const used = await token('operate')
  const silent = connectTcp(port, '127.0.0.1')
  t.teardown(() => silent.destroy())
  await collect(silent)
  t.pass('a connection without a handshake is closed')

  const { socket, received } = await open(t, port)
  socket.write('GET /v1/nodes HTTP/1.1\r\nHost: localhost\r\n')
  t.match(await received, /^HTTP\/1\.1 408 /)

  const second = await open(t, port)
  const headers = `Authorization: Bearer ${used}\r\nContent-Type: application/json`
  second.socket.write(`POST /v1/plan HTTP/1.1\r\nHost: localhost\r\n${headers}\r\nContent-Length: 9\r\n\r\n{`)
  t.match(await second.received, /^HTTP\/1\.1 408 [^]*\r\n\r\n\{"code":"server.bad-request","error":/)
  t.same(service.problems(), [])
})

t.test('a client cannot use all connections', async (t) => {
  const { port, counters, ask, token, lines } = await networkApi(t, {}, { limits })
  const used = await token('read')
  // Event streams are busy, so they are not replaced.
  const streams = []
  for (let index = 0; index < 3; index++) {
    const stream = await open(t, port)
    stream.socket.write(`GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${used}\r\n\r\n`)
    await once(stream.socket, 'data')
    streams.push(stream)
  }
  await t.rejects(ask('/v1/nodes', { token: used }), 'a fourth connection is closed')
  t.same(counters.refusals()['api.client-limit'], 1)
  t.match(JSON.parse(lines.find((line) => line.includes('api.client-limit')) ?? ''), {
    msg: 'connection refused',
    client: '127.0.0.1',
    count: 1,
  })
  streams[0]?.socket.destroy()
  await streams[0]?.received
  const free = async () => (await ask('/v1/nodes', { token: used }).catch(() => undefined))?.status
  let status = await free()
  while (status === undefined) status = await free()
  t.equal(status, 200)
  const idle = await open(t, port)
  await ask('/v1/nodes', { token: used })
  await idle.received
  t.ok(counters.get('api.connectionsReplaced') > 0, 'an idle connection is closed for a new one')
})

t.test('the server speaks HTTP/1.1 over TLS 1.2 or later only', async (t) => {
  const { port, counters } = await networkApi(t)
  const attempt = async (options: object) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
    t.teardown(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket.alpnProtocol
  }
  t.equal(await attempt({ ALPNProtocols: ['h2', 'http/1.1'] }), 'http/1.1')
  await t.rejects(attempt({ ALPNProtocols: ['h2'] }))
  await t.rejects(attempt({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' }))
  t.equal(await attempt({ maxVersion: 'TLSv1.2' }), false)
  await until(() => counters.get('api.handshakesFailed') === 2)
})
