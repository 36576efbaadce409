import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createAskServer } from '../../src/drift/exchange.ts'
import { systemClock } from '../../src/host/clock.ts'
import { encodeAnswer, frame } from '../../src/proto/dns/message.ts'
import { a } from '../support/dns-answers.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memorySockets } from '../support/memory-sockets.ts'

const name = 'api.c1.example.net'
const server = { address: '192.0.2.53', port: 53 }
const question = { name, type: 'A' } as const

/** An answer to `query`, with the given second half of the flags and the addresses. */
function answerTo(
  query: Uint8Array,
  { flags = 0x80, rcode = 0, of = name, truncated = false } = {},
): Uint8Array {
  const octets = encodeAnswer({
    question: { name: of, type: 'A' },
    answers: truncated ? [] : [a(of, '192.0.2.5')],
    authority: [],
    additional: [],
  })
  octets.set([query[0]!, query[1]!, truncated ? 0x82 : 0x80, flags | rcode])
  return octets
}

type Replies = (query: Uint8Array, count: number) => readonly Uint8Array[]

/** Asks a server in memory; the clock runs out of timers while the query is open. */
async function ask(replies: Replies, from = server) {
  const sockets = memorySockets()
  const clock = fakeClock()
  const port = await sockets.bindUdp(from)
  const queries: Uint8Array[] = []
  port.receive((batch) => {
    for (const { payload, address, port: to } of batch) {
      queries.push(Uint8Array.from(payload))
      for (const octets of replies(Uint8Array.from(payload), queries.length)) port.send(octets, address, to)
    }
  })
  const waiting = createAskServer({ sockets, clock })(server, question)
  for (let turn = 0; turn < 6; turn++) {
    await sockets.settled()
    clock.advance(clock.nextDelay() ?? 0)
  }
  const reply = await waiting
  return { reply, queries, open: sockets.open().length - 1, timers: clock.pending() }
}

const hasEdns = (query: Uint8Array) => query[11] === 1
const answered = { kind: 'answer', answer: { answers: [{ owner: name }] } }

t.test('an answer ends the exchange, and leaves no socket and no timer', async (t) => {
  const { reply, queries, open, timers } = await ask((query) => [answerTo(query)])
  t.match(reply, answered)
  t.same({ queries: queries.length, open, timers }, { queries: 1, open: 0, timers: 0 })
})

t.test('sends the query again, and gives up after 3 s', async (t) => {
  t.match(
    (await ask((query, count) => (count === 1 ? [] : [answerTo(query)]))).reply,
    answered,
    'a lost packet',
  )
  const { reply, queries, open } = await ask(() => [])
  t.same(reply, { kind: 'unresponsive', reason: 'no answer in 3.0 s' })
  t.same({ queries: queries.length, open }, { queries: 2, open: 0 })
})

t.test(
  'ignores messages that do not answer the query, and reports garbage when there is nothing else',
  async (t) => {
    const wrong = (query: Uint8Array) => [
      answerTo(Uint8Array.of(query[0]! ^ 1, query[1]!)),
      answerTo(query, { of: 'www.example.net' }),
      Uint8Array.of(query[0]!, query[1]!, 0x80),
      query,
    ]
    t.match((await ask((query) => [...wrong(query), answerTo(query)])).reply, answered)
    t.match((await ask(wrong)).reply, { kind: 'malformed', reason: 'a query, not a response at octet 2' })
    const { reply } = await ask((query) => [answerTo(query)], { ...server, port: 5353 })
    t.match(reply, { kind: 'unresponsive' }, 'no server at the port')
  },
)

t.test('queries again without EDNS where a server does not know it', async (t) => {
  const old: Replies = (query) => {
    const header = query.slice(0, 12)
    header.set([0x80, 0x81, 0, 0, 0, 0, 0, 0, 0, 0], 2)
    return [hasEdns(query) ? header : answerTo(query)]
  }
  const { reply, queries } = await ask(old)
  t.match(reply, answered)
  t.same(queries.map(hasEdns), [true, false])
})

t.test('octets of any kind neither end the exchange with an exception nor make it endless', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }), async (parts) => {
      const { reply, open, timers } = await ask((query) =>
        parts.map((part) => Uint8Array.of(query[0]!, query[1]!, 0x80, ...part)),
      )
      if (open > 0 || timers > 0) throw new Error(`${open} sockets, ${timers} timers after ${reply.kind}`)
    }),
    { numRuns: 100 },
  )
})

t.test('a socket that cannot be opened and an unreachable network are reported', async (t) => {
  const fail = (reason: string) => Promise.reject(new Error(reason))
  const closed = createAskServer({ sockets: { bindUdp: () => fail('bind EMFILE') }, clock: fakeClock() })
  t.same(await closed({ address: '2001:db8::53', port: 53 }, question), {
    kind: 'unresponsive',
    reason: 'bind EMFILE',
  })
  const memory = memorySockets()
  const unreachable = createAskServer({
    clock: fakeClock(),
    sockets: {
      bindUdp: async (options) => ({
        ...(await memory.bindUdp(options)),
        send: (_octets, _address, _port, failed) => failed?.(new Error('send ENETUNREACH')),
      }),
    },
  })
  t.same(await unreachable(server, question), { kind: 'unresponsive', reason: 'send ENETUNREACH' })
})

/** A server on loopback whose answers over UDP are truncated. */
async function overTcp(t: Test, serve: (socket: Socket, query: Uint8Array) => void) {
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => serve(socket, chunk.subarray(2)))
  })
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  t.teardown(() => tcp.close())
  const { port } = tcp.address() as AddressInfo
  const sockets = memorySockets()
  const udp = await sockets.bindUdp({ address: '127.0.0.1', port })
  udp.receive((batch) => {
    for (const { payload, address, port: to } of batch)
      udp.send(answerTo(payload, { truncated: true }), address, to)
  })
  return createAskServer({ sockets, clock: systemClock, attemptsMs: [300] })(
    { address: '127.0.0.1', port },
    question,
  )
}

t.test('a truncated answer is queried again over TCP, and a TCP server has 2 s', async (t) => {
  t.match(await overTcp(t, (socket, query) => socket.write(frame(answerTo(query)))), answered)
  t.match(await overTcp(t, (socket) => socket.destroy()), {
    kind: 'unresponsive',
    reason: 'over TCP: connection closed without an answer',
  })
  t.match(await overTcp(t, (socket) => socket.write(Uint8Array.of(0xff, 0xff, 1, 2))), {
    kind: 'unresponsive',
    reason: 'no answer in 300 ms',
  })
  t.match(await overTcp(t, (socket) => socket.write(frame(Uint8Array.of(1)))), { kind: 'malformed' })
})

t.test('a truncated answer without an answer over TCP is reported', async (t) => {
  const tcp = createServer().listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as AddressInfo
  await new Promise((resolve) => tcp.close(resolve))
  const sockets = memorySockets()
  const udp = await sockets.bindUdp({ address: '127.0.0.1', port })
  udp.receive((batch) => {
    for (const { payload, address, port: to } of batch)
      udp.send(answerTo(payload, { truncated: true }), address, to)
  })
  const reply = await createAskServer({ sockets, clock: systemClock })(
    { address: '127.0.0.1', port },
    question,
  )
  t.match(reply, { kind: 'unresponsive', reason: /^over TCP: connect ECONNREFUSED/ })
})
