import t from 'tap'
import { walkMessage } from '../../../src/proto/dns/walk.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'

t.test('records and pointers are found in every section', (t) => {
  const octets = hex(`
    0001 8400 0001 0002 0001 0001   # one question, two answers, one authority, one additional
    01 61 00 0002 0001              # 12: a NS
    c00c 0002 0001 00000000 0004 01 62 c00c # 19: a NS b.a
    c00c 000f 0001 00000000 0004 0005 c01f  # 35: a MX 5 b.a
    c00c 0006 0001 00000000 0018 c01f c00c 00000001 00000002 00000003 00000004 00000005 # 51: a SOA b.a a
    c01f 0001 0001 00000000 0004 c0000201   # 87: b.a A
  `)
  t.same(walkMessage(octets), {
    questions: 1,
    questionEnd: 19,
    answers: [
      { type: 2, start: 31, end: 35 },
      { type: 15, start: 47, end: 51 },
    ],
    authority: [{ type: 6, start: 63, end: 87 }],
    additional: [{ type: 1, start: 99, end: 103 }],
    pointers: [19, 33, 35, 49, 51, 63, 65, 87],
    hasDots: false,
  })
  t.end()
})

t.test('a dot inside a label is reported', (t) => {
  t.equal(walkMessage(hex('0001 8400 0001 0000 0000 0000 03 612e62 00 0001 0001')).hasDots, true)
  t.end()
})

t.test('a message of an independent encoder is walked to its end', (t) => {
  const octets = dnsPacket.encode({
    type: 'response',
    questions: [{ type: 'ANY', name: 'example.net' }],
    answers: [
      { type: 'SRV', name: '_etcd._tcp.example.net', data: { port: 2380, target: 'm1.example.net' } },
      { type: 'TXT', name: 'example.net', data: 'text' },
      { type: 'CNAME', name: 'www.example.net', data: 'example.net' },
    ],
  })
  t.equal(walkMessage(octets).answers.at(-1)?.end, octets.length)
  t.end()
})

t.test('a name can end in the RDATA of an unknown type (RFC 3597 §4)', (t) => {
  const octets = hex(`
    0001 8400 0001 0002 0000 0000
    00 0001 0001                        # 12: the root
    00 0027 0001 00000000 0003 01 61 00 # 17: DNAME a
    c01c 0001 0001 00000000 0000        # 31: a A
  `)
  t.same(walkMessage(octets).pointers, [31])
  t.end()
})

t.test('an invalid message is refused at the offset of the error', (t) => {
  const one = '0001 8400 0001 0000 0000 0000' // one question
  const cases = [
    { name: 'a header cut short', octets: '0001 8400', message: '2 octets expected, 0 left at octet 4' },
    { name: 'a missing question', octets: one, message: '1 octets expected, 0 left at octet 12' },
    {
      name: 'a pointer to itself (RFC 1035 §4.1.4)',
      octets: `${one} c00c 0001 0001`,
      message: 'pointer does not lead to an earlier name at octet 12',
    },
    {
      name: 'a pointer into the name that it ends',
      octets: `${one} 01 61 c00c 0001 0001`,
      message: 'pointer does not lead to an earlier name at octet 14',
    },
    {
      name: 'a pointer into the header',
      octets: `${one} c000 0001 0001`,
      message: 'pointer does not lead to an earlier name at octet 12',
    },
    {
      name: 'a pointer beyond the message',
      octets: `${one} ffff 0001 0001`,
      message: 'pointer does not lead to an earlier name at octet 12',
    },
    {
      name: 'a pointer outside a name',
      octets: '0001 8400 0000 0002 0000 0000 00 0001 0001 00000000 0000 c010 0001 0001 00000000 0000',
      message: 'pointer does not lead to an earlier name at octet 23',
    },
    {
      name: 'a pointer to a number beside the name in RDATA',
      octets: '0001 8400 0000 0002 0000 0000 00 000f 0001 00000000 0003 0000 00 c017 0001 0001 00000000 0000',
      message: 'pointer does not lead to an earlier name at octet 26',
    },
    {
      name: 'a pointer into EDNS, which is hop by hop (RFC 6891 §6.1.1)',
      octets:
        '0001 8400 0000 0000 0000 0002 00 0029 04d0 00000000 0004 000a 0000 c017 0001 0001 00000000 0000',
      message: 'pointer does not lead to an earlier name at octet 27',
    },
    {
      name: 'a pointer into a label, from which the name would continue into the TTL',
      octets: `${one.slice(0, -14)} 0001 0000 0000 02 6103 00 0001 0001 c00e 0001 0001 00000000 0000`,
      message: '3 octets expected, 1 left at octet 15',
    },
    {
      name: 'a pointer into RDATA, past whose end the name would continue',
      octets: '0001 8400 0000 0002 0000 0000 00 0010 0001 00000000 0002 0361 c017 0001 0001 00000000 0000',
      message: '3 octets expected, 1 left at octet 24',
    },
    {
      name: 'a reserved label type',
      octets: `${one} 40 00 0001 0001`,
      message: 'reserved label at octet 12',
    },
    {
      name: 'a name longer than 255 octets, assembled by pointers',
      octets: `0001 8400 0001 0001 0000 0000 ${`3f${'61'.repeat(63)}`.repeat(3)} 00 0001 0001 3f ${'61'.repeat(63)} c00c`,
      message: 'name longer than 255 octets at octet 140',
    },
    {
      name: 'rdata cut short',
      octets: '0001 8400 0000 0001 0000 0000 00 0001 0001 00000000 0004 c000',
      message: '4 octets expected, 2 left at octet 23',
    },
    {
      name: 'an EDNS option that exceeds its record (RFC 6891 §6.1.2)',
      octets: `0001 8400 0000 0000 0000 0001 00 0029 04d0 00000000 0006 000a 0003 0102`,
      message: '3 octets expected, 2 left at octet 27',
    },
    {
      name: 'a name that exceeds its RDATA',
      octets: '0001 8400 0000 0001 0000 0000 00 0002 0001 00000000 0002 03 61 6263 00',
      message: '3 octets expected, 1 left at octet 24',
    },
  ]
  for (const { name, octets, message } of cases) {
    t.throws(() => walkMessage(hex(octets)), { name: 'MalformedPacket', message }, name)
  }
  t.end()
})

t.test('a name has at most 127 pointers', (t) => {
  // A record whose RDATA is a chain of pointers, each to the previous one; then a name that follows them all.
  const links = Array.from({ length: 128 }, (_, index) => 0xc000 | (index === 0 ? 12 : 28 + 2 * (index - 1)))
  const chain = links.map((link) => link.toString(16)).join('')
  const message = hex(`
    0001 8400 0001 0002 0000 0000
    00 0001 0001                         # 12: the root
    00 0010 0001 00000000 0100 ${chain}  # 17: TXT, 128 pointers from octet 28 on
    c11a 0001 0001 00000000 0000         # 284: a name through all of them
  `)
  t.throws(() => walkMessage(message), {
    name: 'MalformedPacket',
    message: 'more than 127 pointers in a name at octet 30',
  })
  t.end()
})
