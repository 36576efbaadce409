/** A forwarder among resolvers in memory, under a clock that stands still; and a resolver on loopback for TCP. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import type { Datagram, Sockets } from '../../../src/host/udp.ts'
import type { Resolver } from '../../../src/plan/dns/plan.ts'
import { createFrameReader, frame } from '../../../src/proto/dns/message.ts'
import type { ForwardRequest } from '../../../src/serve/dns/query.ts'
import { createForwarder } from '../../../src/serve/dns/forward.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memorySockets } from '../../support/memory-sockets.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { askOctets, encode, planOf, type Query } from './ask.ts'

const plan = planOf(guideModel())

/** The client. */
const node = '172.16.0.21'

export function request(
  query: Partial<Query> = {},
  transport: 'udp' | 'tcp' = 'udp',
  ...resolvers: Resolver[]
): ForwardRequest {
  const result = askOctets(plan, encode({ name: 'Quay.io', id: 7, ...query }), { transport })
  if (result.kind !== 'forward') throw new Error(result.kind)
  return { ...result.request, resolvers, plan: { ...plan, resolvers } }
}

export const resolver = (last: number): Resolver => ({ address: `192.0.2.${last}`, port: 53 })

type Bind = Sockets['bindUdp']

/** Answers to a query: changes to a plain answer, several, or nothing. */
type Manner = (query: Buffer, count: number) => readonly (Record<string, unknown> | Uint8Array)[]

export function answerTo(query: Buffer, changes: Record<string, unknown>): Buffer {
  const { id, questions } = dnsPacket.decode(query)
  const name = questions[0]?.name
  const answers = [{ type: 'A', name, ttl: 60, data: '192.0.2.99' }]
  return dnsPacket.encode({ type: 'response', id, questions, answers, ...changes })
}

export function setUp(wrap: (bind: Bind) => Bind = (bind) => bind) {
  const network = memorySockets()
  const sockets = { ...network, bindUdp: wrap((options) => network.bindUdp(options)) }
  const clock = fakeClock()
  const counters = new Counters()
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', {
    write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>),
  })
  let id = 0x2221
  const options = { sockets, clock, counters, log, randomId: () => ++id }
  const forwarder = createForwarder(options)
  /** A resolver in memory, which counts what it is asked. */
  const serve = async (at: Resolver, manner: Manner, from: Resolver = at) => {
    const port = await network.bindUdp(at)
    const other = from === at ? port : await network.bindUdp(from)
    const asked: Datagram[] = []
    port.receive((batch) => {
      for (const datagram of batch) {
        const query = Buffer.from(datagram.payload)
        asked.push({ ...datagram, payload: query })
        for (const each of manner(query, asked.length)) {
          other.send(
            each instanceof Uint8Array ? each : answerTo(query, each),
            datagram.address,
            datagram.port,
          )
        }
      }
    })
    return asked
  }
  const forward = async (query: Partial<Query>, ...resolvers: Resolver[]) =>
    dnsPacket.decode(await forwarder.forward(request(query, 'udp', ...resolvers), node, true))
  /** Lets time pass until there is a reply, from one timer to the next; how long that was. */
  const untilAnswered = async (reply: Promise<unknown>) => {
    const start = clock.monotonic()
    const state = { isAnswered: false }
    void reply.then(() => (state.isAnswered = true))
    for (;;) {
      await sockets.settled()
      const wait = clock.nextDelay()
      if (state.isAnswered || wait === undefined) return clock.monotonic() - start
      clock.advance(wait)
    }
  }
  return { sockets, clock, counters, lines, forwarder, serve, forward, untilAnswered }
}

/** When attempts that others have overtaken have ended, only the resolvers' own sockets are left, and no timer. */
export async function nothingIsLeft(t: Test, { sockets, clock }: ReturnType<typeof setUp>) {
  await sockets.settled()
  clock.advance(2000)
  await sockets.settled()
  t.same(
    sockets.open().filter((socket) => socket.startsWith('0.0.0.0')),
    [],
    'no socket is left',
  )
  t.equal(clock.pending(), 0, 'no timer is left')
}

/** A resolver on loopback, TCP only. */
export async function tcpResolver(
  t: Test,
  manner: (query: Buffer) => readonly Uint8Array[] | 'close',
): Promise<Resolver> {
  const server = createServer((socket) => {
    const frames = createFrameReader()
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      for (const query of frames.push(chunk)) {
        const replies = manner(Buffer.from(query))
        if (replies === 'close') socket.end()
        else for (const reply of replies) socket.write(frame(reply))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port }
}
