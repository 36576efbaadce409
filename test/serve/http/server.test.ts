import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createHttpServer, type Limits } from '../../../src/serve/http/server.ts'
import { rawConnection } from '../../support/raw-http.ts'

/** None is reached in a test; each test shortens the one that it is about. */
const limits: Limits = {
  headerOctets: 8192,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  checkIntervalMs: 10,
  keepAliveMs: 60_000,
  stalledMs: 60_000,
  connections: 100,
}

async function running(t: Test, answer: RequestListener, differing: Partial<Limits> = {}) {
  const http = createHttpServer(answer, { ...limits, ...differing })
  http.server.listen(0, '127.0.0.1')
  await once(http.server, 'listening')
  t.teardown(async () => {
    http.server.closeAllConnections()
    await http.close()
  })
  return { ...http, port: (http.server.address() as AddressInfo).port }
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

t.test('connections above the maximum are dropped', async (t) => {
  const { server, port } = await running(t, () => {}, {
    connections: 1,
  })
  const first = await rawConnection(port)
  const dropped = once(server, 'drop')
  const second = await rawConnection(port)
  t.equal(await second.end(), '')
  await dropped
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
