import fc from 'fast-check'
import t from 'tap'
import { answer } from '../../../src/serve/dns/answer.ts'
import { crowdedModel } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'
import { askOctets, encode, planOf } from './ask.ts'

const plan = planOf(crowdedModel())

t.test('arbitrary octets get a reply, no reply, or are forwarded', (t) => {
  const out = new Uint8Array(1232)
  const starts = fc
    .constantFrom('', '1234 0100 0001 0000 0000 0000', '1234 0100 0001 0000 0000 0001')
    .map(hex)
  const octets = fc
    .tuple(starts, fc.uint8Array({ maxLength: 120 }))
    .map(([start, rest]) => Uint8Array.of(...start, ...rest))
  fc.assert(
    fc.property(octets, (query) => {
      const result = answer(query, { mayForward: true, isSecondary: true }, plan, out, 'udp')
      if (result.kind !== 'reply') return
      const reply = dnsPacket.decode(result.octets)
      if (reply.type !== 'response' || reply.id !== (((query[0] ?? 0) << 8) | (query[1] ?? 0)))
        throw new Error('not its answer')
      if (result.octets.length > 512) throw new Error(`${result.octets.length} octets`)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('every reply can be decoded and repeats the question', (t) => {
  const labels = [
    'm1',
    'api',
    'apps',
    'ocp45',
    'example',
    'localdomain',
    '*',
    'many',
    'own',
    'A',
    'LOCALHOST',
    'arpa',
    'in-addr',
    '172',
    '16',
    '0',
    '21',
  ]
  const tails = [
    '',
    'example.localdomain',
    'apps.ocp45.example.localdomain',
    '0.16.172.in-addr.arpa',
    'localhost',
  ]
  const names = fc
    .tuple(fc.array(fc.constantFrom(...labels), { maxLength: 4 }), fc.constantFrom(...tails))
    .map(([head, tail]) => [...head, tail].filter((part) => part !== '').join('.') || '.')
  const edns = fc.option(fc.record({ size: fc.integer({ min: 1, max: 65_535 }), isDnssecOk: fc.boolean() }), {
    nil: undefined,
  })
  const types = fc.constantFrom('A', 'AAAA', 'PTR', 'SOA', 'NS', 'ANY', 'TXT', 'AXFR', 'DS')
  const transports = fc.constantFrom('udp' as const, 'tcp' as const)
  fc.assert(
    fc.property(names, types, fc.nat(65_535), edns, transports, (name, type, id, opt, transport) => {
      const result = askOctets(plan, encode({ name, type, id, ...(opt && { edns: opt }) }), {
        mayForward: false,
        transport,
      })
      if (result.kind !== 'reply') throw new Error(result.kind)
      const reply = dnsPacket.decode(result.octets)
      if (reply.id !== id || reply.questions[0]?.name !== name || reply.questions[0].type !== type)
        throw new Error('another question')
      const limit = transport === 'tcp' ? 65_535 : Math.min(1232, Math.max(512, opt?.size ?? 512))
      if (result.octets.length > limit) throw new Error(`${result.octets.length} octets of ${limit}`)
      if (reply.rcode === 'NXDOMAIN' && reply.authorities[0]?.type !== 'SOA')
        throw new Error('NXDOMAIN without SOA')
    }),
    { numRuns: 300 },
  )
  t.end()
})
