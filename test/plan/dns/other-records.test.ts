/** Records of other types, and pointers that the site declares: zone text, answers, transfers, and rendered forms. */
import t from 'tap'
import { renderZones } from '../../../src/cli/render/dns-records.ts'
import { dnsEndpoints } from '../../../src/cli/render/record-sets.ts'
import { compareReply, expectationsOf } from '../../../src/drift/compare.ts'
import { declaredZones } from '../../../src/plan/dns/compile.ts'
import { zoneFile } from '../../../src/plan/dns/zone.ts'
import { decodeAnswer } from '../../../src/proto/dns/message.ts'
import { answer } from '../../../src/serve/dns/answer.ts'
import { encode, planOf } from '../../serve/dns/ask.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { guideModel } from './guide.ts'

const zone = 'example.localdomain'
const model = guideModel((site) => {
  site.dns['secondaries'] = ['192.0.2.53']
  site.dns['records'] = [
    {
      name: `web.${zone}`,
      address: '172.16.0.60',
      other: [
        { type: 'HTTPS', data: '1 . alpn=h2,h3 port=8443' },
        { type: 'type65280', data: String.raw`\# 3 0a0b0c` },
      ],
    },
    { name: `_443._tcp.web.${zone}`, other: [{ type: 'TLSA', data: '3 1 1 0b9f' }], ttlSeconds: 60 },
    { name: `_http._tcp.${zone}`, ptr: [`web.${zone}`] },
    { name: '200.0.16.172.in-addr.arpa', ptr: [`apps.${zone}`] },
  ]
})
const plan = planOf({ ...model, serial: 100 })

t.test('zone files have them in presentation format', (t) => {
  const lines = plan.zones
    .filter(({ name }) => !/^(127|localhost)/.test(name))
    .flatMap((each) => zoneFile(each).split('\n'))
    .map((line) => line.replaceAll(/ +/g, ' '))
  for (const line of [
    `web.${zone}. 3600 IN HTTPS 1 . alpn="h2,h3" port=8443`,
    String.raw`web.${zone}. 3600 IN TYPE65280 \# 3 0a0b0c`,
    `_443._tcp.web.${zone}. 60 IN TLSA 3 1 1 0b9f`,
    `_http._tcp.${zone}. 3600 IN PTR web.${zone}.`,
    `200.0.16.172.in-addr.arpa. 3600 IN PTR apps.${zone}.`,
  ])
    t.ok(lines.includes(line), line)
  t.end()
})

function ask(name: string, type: number) {
  const query = encode({ name })
  query[query.length - 4] = type >>> 8
  query[query.length - 3] = type & 0xff
  const result = answer(query, { mayForward: false, isSecondary: false }, plan, new Uint8Array(4096), 'tcp')
  if (result.kind !== 'reply') throw new Error(result.kind)
  return decodeAnswer(result.octets)
}

t.test('answers have the octets, and a name has its other records too', (t) => {
  const data = (name: string, type: number) => ask(name, type).answers.map((record) => record.data)
  t.match(data(`web.${zone}`, 65), [
    { type: 'other', code: 65, rdata: Buffer.from('000100000100060268320268330003000220fb', 'hex') },
  ])
  t.match(data(`web.${zone}`, 65_280), [{ type: 'other', code: 65_280, rdata: Buffer.from('0a0b0c', 'hex') }])
  t.match(data(`_443._tcp.web.${zone}`, 52), [{ type: 'other', rdata: Buffer.from('0301010b9f', 'hex') }])
  t.match(data(`web.${zone}`, 1), [{ type: 'A' }])
  t.match(data('200.0.16.172.in-addr.arpa', 12), [{ type: 'PTR', target: `apps.${zone}` }])
  t.same(data(`web.${zone}`, 35), [])
  t.end()
})

t.test('a secondary gets them in a transfer', (t) => {
  const query = dnsPacket.encode({ type: 'query', id: 7, questions: [{ name: zone, type: 'AXFR' }] })
  const result = answer(query, { mayForward: false, isSecondary: true }, plan, new Uint8Array(65_535), 'tcp')
  if (result.kind !== 'transfer') throw new Error(result.kind)
  const records = [...result.messages].flatMap((message) => decodeAnswer(message).answers)
  t.same(
    records.flatMap(({ data }) =>
      data.type === 'other' ? [[data.code, Buffer.from(data.rdata).toString('hex')]] : [],
    ),
    [
      [65, '000100000100060268320268330003000220fb'],
      [65_280, '0a0b0c'],
      [52, '0301010b9f'],
    ],
  )
  t.end()
})

t.test('other servers: dnsmasq has them by number, ExternalDNS does not', (t) => {
  t.match(
    JSON.stringify(renderZones({ plan: { dns: plan } as never, model }, undefined, 'dnsmasq')),
    `dns-rr=web.${zone},65280,0a0b0c\\n`,
  )
  t.match(
    dnsEndpoints(plan.zones),
    `# ExternalDNS does not support the HTTPS record of web.${zone}: add it by other means.`,
  )
  t.end()
})

t.test('check --dns compares their octets', (t) => {
  const expectation = expectationsOf(declaredZones(model), 'label').find(({ type }) => type === 'TLSA')
  t.match(expectation, { values: ['0301010b9f'] })
  const server = { address: '192.0.2.53', port: 53, usedBy: ['nodes'], isRequired: true }
  const reply = { kind: 'answer', answer: ask(`_443._tcp.web.${zone}`, 52) } as const
  t.equal(compareReply(server, expectation!, reply).status, 'ok')
  t.equal(compareReply(server, { ...expectation!, values: ['00'] }, reply).status, 'different')
  t.equal(compareReply(server, { ...expectation!, type: 'HTTPS' }, reply).status, 'missing')
  t.end()
})
