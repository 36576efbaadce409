/** What `dns2` 3.1.1 can do: encode zones and decode answers (docs/decisions/0002). */
import { createRequire } from 'node:module'
import { Packet, type Resource } from 'dns2'
import fc from 'fast-check'
import t from 'tap'
import { compileDns } from '../../src/plan/dns/compile.ts'
import { encodeQuery } from '../../src/proto/dns/message.ts'
import { answer } from '../../src/serve/dns/answer.ts'
import { exampleModel } from '../support/model.ts'

type Answer = { readonly type: string; readonly name: string; readonly data?: unknown }
type Response = {
  readonly flag_aa: boolean
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
}
// The package has no type declarations.
const dnsPacket = createRequire(import.meta.url)('dns-packet') as {
  decode(octets: Uint8Array): Response
  encode(message: Record<string, unknown>): Buffer
}

function resource(fields: Record<string, unknown>): Resource {
  return Object.assign(new Packet.Resource(), { class: Packet.CLASS.IN, ttl: 3600 }, fields)
}

t.test('an independent decoder decodes its messages', (t) => {
  const { A, AAAA, PTR, SOA } = Packet.TYPE
  const packet = new Packet()
  packet.header = Object.assign(packet.header, { id: 7, qr: 1, aa: 1 })
  const name = 'm1.ocp45.example.net'
  packet.questions.push(new Packet.Question(name, A, Packet.CLASS.IN))
  packet.answers.push(
    resource({ name, type: A, address: '192.0.2.21' }),
    resource({ name, type: AAAA, address: '2001:db8::21' }),
    resource({ name: '21.2.0.192.in-addr.arpa', type: PTR, domain: name }),
  )
  const soa = resource({
    name: 'example.net',
    type: SOA,
    primary: 'ns1.example.net',
    admin: 'root.example.net',
    serial: 1,
    refresh: 3600,
    retry: 900,
    expiration: 3_600_000,
    minimum: 3600,
  })
  packet.authorities.push(soa)

  const read = dnsPacket.decode(packet.toBuffer())
  t.equal(read.flag_aa, true)
  t.same(
    read.answers.map(({ type, name, data }) => [type, name, data]),
    [
      ['A', name, '192.0.2.21'],
      ['AAAA', name, '2001:db8::21'],
      ['PTR', '21.2.0.192.in-addr.arpa', name],
    ],
  )
  t.match(read.authorities, [
    {
      type: 'SOA',
      name: 'example.net',
      data: { mname: 'ns1.example.net', rname: 'root.example.net', minimum: 3600 },
    },
  ])
  t.end()
})

t.test('it decodes messages of an independent encoder, including compressed names (RFC 1035 §4.1.4)', (t) => {
  const octets = dnsPacket.encode({
    type: 'response',
    id: 7,
    questions: [{ type: 'PTR', name: '21.2.0.192.in-addr.arpa' }],
    answers: [{ type: 'PTR', name: '21.2.0.192.in-addr.arpa', ttl: 60, data: 'm1.example.net' }],
  })
  const packet = Packet.parse(octets)
  t.same(packet.errors, [])
  t.match(packet.answers, [
    { name: '21.2.0.192.in-addr.arpa', type: Packet.TYPE.PTR, domain: 'm1.example.net' },
  ])
  t.end()
})

t.test('it stops at the first missing record', (t) => {
  const header = Buffer.from('000001000001ffffffffffff', 'hex') // 1 question and 3 x 65535 records announced
  t.equal(Packet.parse(header).errors.length, 1)
  t.end()
})

t.test('arbitrary octets give a packet or an error, never an endless loop', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (octets) => {
      try {
        Packet.parse(Buffer.from(octets))
      } catch (error) {
        if (!(error instanceof Error))
          throw new TypeError('threw something that is not an error', { cause: error })
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test(
  'decoding a query and encoding its answer takes many times the processor time of a prepared answer',
  (t) => {
    const { plan } = compileDns(exampleModel())
    if (plan === undefined) throw new Error('the example serves names')
    const query = Buffer.from(
      encodeQuery({ id: 7, name: 'm1.ocp45.example.net', type: 'A', udpOctets: 1232 }),
    )
    const out = new Uint8Array(1232)
    const prepared = () => {
      if (answer(query, { mayForward: true }, plan, out, 'udp').kind !== 'reply') throw new Error('no reply')
    }
    const perQuery = () => {
      const response = Packet.createResponseFromRequest(Packet.parse(query))
      response.answers.push(
        resource({ name: 'm1.ocp45.example.net', type: Packet.TYPE.A, address: '192.0.2.11' }),
      )
      return response.toBuffer()
    }
    // About 30 times on an idle machine. Measures processor time with a wide margin, because a machine may be busy.
    t.equal(cost(perQuery) > 5 * cost(prepared), true)
    t.end()
  },
)

/** Returns the microseconds of processor time of one run, the minimum of several rounds. */
function cost(run: () => unknown): number {
  const rounds = Array.from({ length: 6 }, () => {
    const start = process.cpuUsage()
    for (let count = 0; count < 2000; count++) run()
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 2000
  })
  return Math.min(...rounds)
}
