import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createHttpServer, type Limits } from '../../../src/serve/http/server.ts'
import { until } from '../../support/until.ts'
import { rawConnection } from '../../support/raw-http.ts'

/** Tests do not reach these limits; each test lowers the limit that it checks. */
const limits: Limits = {
  headerOctets: 8192,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  checkIntervalMs: 10,
  keepAliveMs: 60_000,
  stalledMs: 60_000,
  minBytesPerSecond: 1024,
  connections: { total: 100, reserve: 10, perKnownClient: 50, perUnknownClient: 50 },
}

async function running(t: Test, answer: RequestListener, differing: Partial<Limits> = {}) {
  const events: string[] = []
  const http = createHttpServer(answer, {
    isKnown: () => false,
    events: {
      onRefused: (reason, address) => events.push(`${reason} ${address}`),
      onReplaced: (address) => events.push(`replaced ${address}`),
      onStalled: (address) => events.push(`stalled ${address}`),
      onHandshakeFailed: (address, reason) => events.push(`handshake ${address} ${reason}`),
    },
    limits: { ...limits, ...differing },
  })
  http.server.listen(0, '127.0.0.1')
  await once(http.server, 'listening')
  t.teardown(async () => {
    http.server.closeAllConnections()
    await http.close()
  })
  return { ...http, events, port: (http.server.address() as AddressInfo).port }
}

t.test('a connection without a request is closed', async (t) => {
  const { port } = await running(t, () => {}, { headersTimeoutMs: 50 })
  t.match(await (await rawConnection(port)).end(), /^HTTP\/1\.1 408 |^$/)
})

t.test('a header that does not end in time is refused', async (t) => {
  const { port } = await running(t, () => {}, { headersTimeoutMs: 50 })
  const slow = await rawConnection(port)
  slow.socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
  const drip = setInterval(() => slow.socket.write('a'), 10)
  t.match(await slow.end(), /^HTTP\/1\.1 408 |^$/)
  clearInterval(drip)
})

t.test('an idle connection is closed', async (t) => {
  const { port } = await running(t, (_request, response) => response.end('x'), { keepAliveMs: 50 })
  const idle = await rawConnection(port)
  idle.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.match(await idle.end(), /\r\n\r\nx$/)
})

t.test('a client that reads nothing is disconnected', async (t) => {
  const octets = 50_000_000
  let givenUp: Promise<unknown> | undefined
  const answer: RequestListener = (_request, response) => {
    givenUp = once(response, 'close')
    response.end(Buffer.alloc(octets))
  }
  const { port } = await running(t, answer, { stalledMs: 50 })
  const reader = await rawConnection(port)
  reader.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await reader.until((text) => text.length > 1000)
  reader.socket.pause()
  await givenUp
  reader.socket.resume()
  t.equal((await reader.end()).length < octets, true)
})

t.test('a client that reads slowly is disconnected', async (t) => {
  const answer: RequestListener = (_request, response) => {
    response.end(Buffer.alloc(50_000_000))
  }
  const { port, events } = await running(t, answer, { stalledMs: 200, minBytesPerSecond: 100_000_000 })
  const reader = await rawConnection(port)
  reader.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await reader.until((text) => text.length > 1000)
  reader.socket.pause()
  await until(() => events.length > 0)
  t.same(events, ['stalled 127.0.0.1'])
  reader.socket.destroy()
})

t.test('a new connection replaces the idlest one of its client', async (t) => {
  const connections = { total: 10, reserve: 2, perKnownClient: 2, perUnknownClient: 2 }
  const { port, events } = await running(t, (_request, response) => response.end('x'), { connections })
  const first = await rawConnection(port)
  const second = await rawConnection(port)
  second.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await second.until((text) => text.endsWith('x'))
  const third = await rawConnection(port)
  t.equal(await first.end(), '')
  t.same(events, ['replaced 127.0.0.1'])
  third.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await third.until((text) => text.endsWith('x'))
  second.socket.destroy()
  third.socket.destroy()
})

t.test('a client whose connections all wait for a response gets no more', async (t) => {
  const connections = { total: 10, reserve: 2, perKnownClient: 1, perUnknownClient: 1 }
  let requests = 0
  const { port, events } = await running(t, () => requests++, { connections })
  const first = await rawConnection(port)
  first.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => requests === 1)
  t.equal(await (await rawConnection(port)).end(), '')
  t.same(events, ['client-limit 127.0.0.1'])
  first.socket.destroy()
})

t.test('close does not cut a response whose last bytes are being sent', async (t) => {
  const octets = 20_000_000
  const { port, close } = await running(t, (_request, response) => response.end(Buffer.alloc(octets)))
  const reader = await rawConnection(port)
  reader.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await reader.until((text) => text.length > 1000)
  reader.socket.pause()
  const closed = close()
  reader.socket.resume()
  const answer = await reader.end()
  t.equal(answer.length - answer.indexOf('\r\n\r\n') - 4, octets)
  await closed
})
