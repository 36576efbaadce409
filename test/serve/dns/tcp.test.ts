/** Connections on loopback, under a clock that stands still. */
import { once } from 'node:events'
import { connect, Socket, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { createFrameReader, frame } from '../../../src/proto/dns/message.ts'
import { createTcpService, type StreamHandler } from '../../../src/serve/dns/tcp.ts'
import { until } from '../../support/until.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const echo: StreamHandler = (query) => query

async function setUp(t: Test, handle: StreamHandler = echo) {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const isKnown = (address: string) => address.startsWith('127.1.')
  const clock = fakeClock()
  const counters = new Counters()
  const service = createTcpService({ handle, clock, counters, log, isKnown })
  service.server.listen(0, '127.0.0.1')
  await once(service.server, 'listening')
  const { port } = service.server.address() as AddressInfo
  const sockets: Socket[] = []
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    const stopped = service.close(0)
    clock.advance(0)
    await stopped
  })
  /** A client whose half-closed end stays readable. */
  const dial = async (localAddress = '127.0.0.1') => {
    const accepted = once(service.server, 'connection')
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true, allowHalfOpen: true })
    socket.on('error', () => undefined)
    sockets.push(socket)
    await Promise.all([once(socket, 'connect'), accepted])
    return socket
  }
  return { service, clock, counters, lines, dial }
}

type Dial = (localAddress?: string) => Promise<Socket>

async function dialMany(dial: Dial, count: number, localAddress: string): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) sockets.push(await dial(localAddress))
  return sockets
}

/** Collects replies; resolves with the first `count` of them. */
function replies(socket: Socket, count: number): Promise<number[][]> {
  const frames = createFrameReader()
  const all: number[][] = []
  return new Promise((resolve) => {
    socket.on('data', (chunk) => {
      all.push(...frames.push(chunk).map((message) => [...message]))
      if (all.length >= count) resolve(all)
    })
  })
}

/** Resolves when the service has closed its side, by an end or a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('end', () => resolve())
    socket.on('close', () => resolve())
    socket.resume()
  })
}

const query = (...octets: number[]) => frame(Uint8Array.from(octets))

t.test('several queries on one connection, split at any octet (RFC 7766 §6.2.1)', async (t) => {
  const { dial, counters } = await setUp(t)
  const socket = await dial()
  const first = replies(socket, 1)
  socket.write(query(1, 1))
  t.same(await first, [[1, 1]])
  const rest = replies(socket, 3)
  const stream = Buffer.concat([query(2, 2), query(3), query(4, 4, 4)])
  for (const cut of [stream.subarray(0, 1), stream.subarray(1, 6), stream.subarray(6)]) {
    await new Promise<void>((resolve) => void socket.write(cut, () => resolve()))
  }
  t.same(await rest, [[2, 2], [3], [4, 4, 4]])
  t.equal(counters.get('dns.tcpConnections'), 1)
})

t.test('a reply may have 65535 octets', async (t) => {
  const { dial } = await setUp(t, () => new Uint8Array(65_535))
  const socket = await dial()
  const whole = replies(socket, 1)
  socket.write(query(1))
  t.equal((await whole)[0]?.length, 65_535)
})

t.test('slow answers do not delay others (RFC 7766 §6.2.1.1)', async (t) => {
  let finish: (reply: Uint8Array) => void = () => undefined
  const slow = new Promise<Uint8Array>((resolve) => (finish = resolve))
  const { dial } = await setUp(t, (asked) => (asked[0] === 1 ? slow : asked))
  const socket = await dial()
  const first = replies(socket, 1)
  socket.write(Buffer.concat([query(1), query(2)]))
  t.same(await first, [[2]])
  const second = replies(socket, 1)
  finish(Uint8Array.of(9))
  t.same(await second, [[9]])
})

t.test('a client that half-closes still gets its answers (RFC 7766 §6.2.4)', async (t) => {
  let finish: (reply: Uint8Array) => void = () => undefined
  const slow = new Promise<Uint8Array>((resolve) => (finish = resolve))
  const { dial } = await setUp(t, (asked) => (asked[0] === 1 ? slow : asked))
  const socket = await dial()
  const both = replies(socket, 2)
  const ended = closed(socket)
  socket.end(Buffer.concat([query(1), query(2)]))
  setImmediate(() => finish(Uint8Array.of(9)))
  t.same(await both, [[2], [9]])
  await ended
})

t.test('a query without a reply closes the connection', async (t) => {
  const seen: number[] = []
  const { dial } = await setUp(t, (asked) => {
    seen.push(asked.length)
    return asked.length === 0 ? undefined : asked
  })
  const socket = await dial()
  const ended = closed(socket)
  socket.end(Buffer.concat([query(1), query(), query(2)]))
  await ended
  t.same(seen, [1, 0])
})

t.test(
  'a connection without a complete query for ten seconds is closed, even if octets still arrive (RFC 7766 §6.2.3)',
  async (t) => {
    const { dial, clock, counters } = await setUp(t)
    const socket = await dial()
    const ended = closed(socket)
    const first = replies(socket, 1)
    clock.advance(9_999)
    socket.write(query(1))
    await first
    clock.advance(9_999)
    t.equal(counters.get('dns.tcpIdle'), 0, 'a complete query restarts the timer')
    await new Promise<void>((resolve) => void socket.write(Buffer.of(0, 9, 1), () => resolve()))
    clock.advance(1)
    await ended
    t.equal(counters.get('dns.tcpIdle'), 1)
    t.equal(clock.pending(), 0)
  },
)

t.test('a client has 32 connections, and a new one replaces the idlest', async (t) => {
  const { dial, counters } = await setUp(t)
  const sockets = await dialMany(dial, 32, '127.0.0.1')
  const gone = closed(sockets[0]!)
  const next = await dial('127.0.0.1')
  await gone
  t.equal(counters.get('dns.tcpReplaced'), 1)
  const reply = replies(next, 1)
  next.write(query(1))
  t.same(await reply, [[1]])
})

t.test('16 clients with 16 connections each do not lock out others, nor declared nodes', async (t) => {
  const { dial, counters, lines } = await setUp(t)
  for (let last = 1; last <= 16; last++) await dialMany(dial, 16, `127.0.0.${last}`)
  const other = await dial('127.0.0.17')
  const node = await dial('127.1.0.1')
  for (const socket of [other, node]) {
    const reply = replies(socket, 1)
    socket.write(query(1))
    t.same(await reply, [[1]])
  }
  t.equal(counters.get('dns.tcpReplaced'), 65, 'the total of undeclared clients is 192')
  t.equal(counters.get('dns.tcpRefused'), 0)
  t.equal(lines.length, 1, 'one line for all')
})

t.test('a client whose connections all wait for replies is refused', async (t) => {
  let queries = 0
  const { dial, counters, lines } = await setUp(t, () => (queries++, new Promise(() => {})))
  for (const socket of await dialMany(dial, 32, '127.0.0.1')) socket.write(query(1))
  await until(() => queries === 32)
  await closed(await dial('127.0.0.1'))
  t.same(counters.refusals(), { 'dns.tcp-limit': 1 })
  t.match(lines.join(''), 'dns.tcp-limit')
})

t.test('a client that left before it was accepted has no address', async (t) => {
  const { service, counters } = await setUp(t)
  const socket = new Socket()
  service.server.emit('connection', socket)
  t.equal(counters.get('dns.tcpConnections'), 1)
  socket.destroy()
  await once(socket, 'close')
})

t.test('a client that does not read is paused, then disconnected', async (t) => {
  let handled = 0
  const { dial, counters } = await setUp(t, () => {
    handled++
    return new Uint8Array(65_535)
  })
  const socket = await dial()
  socket.pause()
  const ask = Buffer.concat(Array.from({ length: 400 }, () => query(1)))
  socket.write(ask)
  await closed(socket)
  t.equal(counters.get('dns.tcpUnread'), 1)
  t.equal(handled < 400, true, 'it stops at its limit, not at the end of the request')
})

t.test('reading pauses while replies are not read, and resumes afterwards', async (t) => {
  const { dial } = await setUp(t, () => new Uint8Array(60_000))
  const socket = await dial()
  socket.pause()
  for (let index = 0; index < 300; index++) {
    if (!socket.write(query(1))) await once(socket, 'drain')
    if (index % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal((await replies(socket.resume(), 300)).length, 300)
})

t.test(
  '64 questions of a connection may wait for resolvers; the rest is read when some are answered',
  async (t) => {
    const finish: ((reply: Uint8Array) => void)[] = []
    const { dial } = await setUp(t, () => new Promise<Uint8Array>((resolve) => finish.push(resolve)))
    const socket = await dial()
    const all = replies(socket, 65)
    socket.write(Buffer.concat(Array.from({ length: 64 }, () => query(1))))
    while (finish.length < 64) await new Promise((resolve) => setImmediate(resolve))
    socket.write(query(2))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    t.equal(finish.length, 64)
    for (const answer of finish.splice(0)) answer(Uint8Array.of(7))
    while (finish.length < 1) await new Promise((resolve) => setImmediate(resolve))
    finish[0]?.(Uint8Array.of(8))
    t.same((await all).at(-1), [8])
  },
)

t.test('a reset is counted, and a reply for a closed connection is dropped', async (t) => {
  let finish: (reply: Uint8Array) => void = () => undefined
  let isAsked: () => void = () => undefined
  const asked = new Promise<void>((resolve) => (isAsked = resolve))
  const slow = new Promise<Uint8Array>((resolve) => (finish = resolve))
  const { dial, service, counters } = await setUp(t, () => {
    isAsked()
    return slow
  })
  const socket = await dial()
  socket.write(query(1))
  await asked
  socket.resetAndDestroy()
  while ((await connections(service.server)) > 0) await new Promise((resolve) => setImmediate(resolve))
  finish(Uint8Array.of(9))
  await slow
  t.equal(counters.get('dns.tcpErrors'), 1)
})

t.test('close waits for pending replies and closes idle connections', async (t) => {
  let finish: (reply: Uint8Array) => void = () => undefined
  let isAsked: () => void = () => undefined
  const asked = new Promise<void>((resolve) => (isAsked = resolve))
  const slow = new Promise<Uint8Array>((resolve) => (finish = resolve))
  const { dial, service, clock } = await setUp(t, () => {
    isAsked()
    return slow
  })
  const [idle, busy] = [await dial(), await dial()]
  const reply = replies(busy, 1)
  busy.write(query(1))
  await asked
  const ended = closed(idle)
  const stopped = service.close(5000)
  await ended
  finish(Uint8Array.of(9))
  t.same(await reply, [[9]])
  await stopped
  t.equal(clock.pending(), 0)
})

t.test('close does not wait longer than its limit', async (t) => {
  let isAsked: () => void = () => undefined
  const asked = new Promise<void>((resolve) => (isAsked = resolve))
  const { dial, service, clock } = await setUp(t, () => {
    isAsked()
    return new Promise(() => undefined)
  })
  const socket = await dial()
  socket.write(query(1))
  await asked
  const stopped = service.close(5000)
  clock.advance(5000)
  await stopped
  t.equal(clock.pending(), 0)
})

function connections(server: {
  getConnections(done: (error: Error | null, count: number) => void): unknown
}) {
  return new Promise<number>((resolve) => void server.getConnections((_error, count) => resolve(count)))
}
