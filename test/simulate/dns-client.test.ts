import t from 'tap'
import { formatIp } from '../../src/proto/address/ip.ts'
import { encodeAnswer, type Sections } from '../../src/proto/dns/message.ts'
import type { Model, NodeModel } from '../../src/plan/model.ts'
import { checkName, type DnsClient, dnsQuestions, type DnsQuestion } from '../../src/simulate/dns-client.ts'
import { address } from '../support/dhcp-message.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memorySockets } from '../support/memory-sockets.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const name = 'm1.ocp45.example.net'
const question: DnsQuestion = {
  name,
  type: 'A',
  expected: ['192.0.2.11', '192.0.2.12'],
  source: 'address of m1',
}
const record = (text: string) => ({
  owner: name,
  ttlSeconds: 60,
  data: { type: 'A', address: address(text) } as const,
})
const look = '; check address of m1 in the site file, and dig @192.0.2.2 -p 53 m1.ocp45.example.net A'

/** A server that answers with `octets`, once they carry the id of the query. */
async function ask(replies: (id: readonly [number, number]) => readonly Uint8Array[]) {
  const sockets = memorySockets()
  const clock = fakeClock()
  const server = { address: '192.0.2.2', port: 53 }
  const client: DnsClient = { sockets, clock, source: '192.0.2.99', server }
  const port = await sockets.bindUdp(server)
  port.receive((batch) => {
    for (const { payload, address: from, port: to } of batch) {
      const id = [payload[0]!, payload[1]!] as const
      for (const reply of replies(id)) port.send(reply, from, to)
    }
  })
  return { answered: checkName(client, question), clock, sockets }
}

function answer(
  id: readonly [number, number],
  sections: Partial<Sections>,
  flags = 0x84,
  rcode = 0,
): Uint8Array {
  const octets = encodeAnswer({
    question: { name, type: 'A' },
    answers: [],
    authority: [],
    additional: [],
    ...sections,
  })
  octets.set([...id, flags, rcode])
  return octets
}

t.test('all records of the answer match, in any order', async (t) => {
  const reply = (id: readonly [number, number]) =>
    answer(id, { answers: [record('192.0.2.12'), record('192.0.2.11')] })
  const { answered, clock, sockets } = await ask((id) => [
    answer([id[0] ^ 1, id[1]], {}), // another's
    answer(id, { question: { name: 'other.example.net', type: 'A' } }), // RFC 5452 §9.1
    reply(id),
  ])
  t.equal(await answered, reply([0, 0]).length)
  t.equal(clock.pending(), 0)
  t.same(sockets.open(), ['192.0.2.2:53'])
})

const cases: { name: string; reply: (id: readonly [number, number]) => Uint8Array; problem: string }[] = [
  {
    name: 'a record is missing',
    reply: (id) => answer(id, { answers: [record('192.0.2.11')] }),
    problem: 'expected 192.0.2.11, 192.0.2.12 for m1.ocp45.example.net A from 192.0.2.2:53; got 192.0.2.11',
  },
  {
    name: 'no records',
    reply: (id) => answer(id, {}),
    problem: 'expected 192.0.2.11, 192.0.2.12 for m1.ocp45.example.net A from 192.0.2.2:53; got no records',
  },
  {
    name: 'NXDOMAIN',
    reply: (id) => answer(id, {}, 0x84, 3),
    problem: 'expected NOERROR for m1.ocp45.example.net A from 192.0.2.2:53; got response code 3',
  },
  {
    name: 'an answer that is not authoritative',
    reply: (id) => answer(id, {}, 0x80),
    problem:
      'expected an authoritative answer for m1.ocp45.example.net A from 192.0.2.2:53; got an answer without the AA flag',
  },
  {
    name: 'records of other types',
    reply: (id) =>
      answer(id, {
        answers: [
          { owner: name, ttlSeconds: 1, data: { type: 'CNAME', target: 'x.example.net' } },
          {
            owner: name,
            ttlSeconds: 1,
            data: {
              type: 'SOA',
              mname: 'a',
              rname: 'b',
              serial: 1,
              refresh: 1,
              retry: 1,
              expire: 1,
              minimum: 1,
            },
          },
        ],
      }),
    problem:
      'expected 192.0.2.11, 192.0.2.12 for m1.ocp45.example.net A from 192.0.2.2:53; got SOA, x.example.net',
  },
  {
    name: 'a malformed answer',
    reply: (id) => Uint8Array.of(...id, 0x84),
    problem:
      'expected a readable answer for m1.ocp45.example.net A from 192.0.2.2:53; ' +
      'got 4 octets expected, 3 left at octet 0',
  },
]
for (const { name, reply, problem } of cases) {
  t.test(`refused: ${name}`, async (t) => {
    const { answered } = await ask((id) => [reply(id)])
    await t.rejects(answered, { name: 'BootProblem', message: problem + look })
  })
}

t.test('a query is repeated, and no answer is a problem', async (t) => {
  const { answered, clock, sockets } = await ask(() => [])
  await sockets.settled()
  clock.advance(3000)
  await t.rejects(answered, {
    message: `expected an answer for m1.ocp45.example.net A from 192.0.2.2:53; got no answer${look}`,
  })
  t.equal(sockets.flights.length, 2)
})

t.test('a node queries its own names and those of its cluster, in the declared address families', (t) => {
  const site = exampleSite()
  const loadBalancer = { api: '192.0.2.3', apiInternal: ['192.0.2.4', '2001:db8::4'], ingress: '2001:db8::5' }
  const clusters = site.clusters.map((cluster) => ({ ...cluster, loadBalancer }))
  const model: Model = exampleModel({ ...site, clusters: clusters as unknown as typeof site.clusters })
  const m1 = model.nodes.find(({ key }) => key === 'ocp45/m1') as NodeModel
  t.same(
    dnsQuestions(m1, model).map(({ name, type, expected }) => `${name} ${type} ${expected.join(' ')}`),
    [
      'm1.ocp45.example.net A 192.0.2.11',
      'm1.ocp45.example.net AAAA 2001:db8::11',
      '11.2.0.192.in-addr.arpa PTR m1.ocp45.example.net',
      'api.ocp45.example.net A 192.0.2.3',
      'api-int.ocp45.example.net A 192.0.2.4',
      'api-int.ocp45.example.net AAAA 2001:db8::4',
      'console-openshift-console.apps.ocp45.example.net AAAA 2001:db8::5',
    ],
  )
  t.equal(formatIp(m1.address), '192.0.2.11')
  t.end()
})
