import fc from 'fast-check'
import t from 'tap'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import { encodeName, formatName, hashName } from '../../../src/proto/dns/name.ts'
import { createQuestion, formatQuestion, isNameFrom, readQuestion } from '../../../src/proto/dns/question.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'

const header = '1234 0100 0001 0000 0000' // id, RD, one question, no answers, no authority; ARCOUNT follows
const question = '02 4d31 07 6578616d706c65 03 6e6574 00 001c 0001' // M1.example.net AAAA IN

t.test('a question is read in place (RFC 1035 §4.1)', (t) => {
  const read = createQuestion()
  const octets = hex(`${header} 0000 ${question}`)
  readQuestion(octets, read)
  t.equal(read.qtype, 28)
  t.equal(read.qclass, 1)
  t.equal(read.nameOctets, 16)
  t.equal(read.end, 12 + 16 + 4)
  t.equal(read.labels, 3)
  t.same([...read.labelAt.subarray(0, 3)], [12, 15, 23])
  t.same(
    [...read.hashes.subarray(0, 3)],
    ['m1.example.net', 'example.net', 'net'].map((name) => hashName(encodeName(name))),
    'each ancestor has the hash of its lower case',
  )
  t.match(read, { hasEdns: false, ednsVersion: 0, udpOctets: 512, isDnssecOk: false })
  t.equal(formatName(octets, 12), 'M1.example.net', 'the spelling stays')
  t.equal(formatQuestion(octets), 'M1.example.net AAAA')
  t.end()
})

t.test('the root is a name without labels', (t) => {
  const read = createQuestion()
  const octets = hex(`${header} 0000 00 0002 0001`)
  readQuestion(octets, read)
  t.match(read, { labels: 0, nameOctets: 1, qtype: 2 })
  t.equal(formatQuestion(octets), '. NS')
  t.end()
})

t.test('the OPT record is read at any position of the additional section (RFC 6891 §6.1)', (t) => {
  const opt = '00 0029 04d0 00 00 8000 0000' // root, OPT, 1232 octets, version 0, DO, no options
  const cases = [
    {
      name: 'alone',
      octets: `${header} 0001 ${question} ${opt}`,
      edns: { hasEdns: true, ednsVersion: 0, udpOctets: 1232, isDnssecOk: true },
    },
    {
      name: 'with a cookie (RFC 7873 §4)',
      octets: `${header} 0001 ${question} 00 0029 1000 00 00 0000 000c 000a 0008 0102030405060708`,
      edns: { hasEdns: true, udpOctets: 4096, isDnssecOk: false },
    },
    {
      name: 'a size below 512 means 512 (RFC 6891 §6.2.3)',
      octets: `${header} 0001 ${question} 00 0029 0010 00 00 0000 0000`,
      edns: { hasEdns: true, udpOctets: 512 },
    },
    {
      name: 'another version',
      octets: `${header} 0001 ${question} 00 0029 0200 00 01 0000 0000`,
      edns: { hasEdns: true, ednsVersion: 1 },
    },
    {
      name: 'after another record with a compressed name',
      octets: `${header} 0002 ${question} c00c 0001 0001 00000000 0004 c0000201 ${opt}`,
      edns: { hasEdns: true, udpOctets: 1232 },
    },
    {
      name: 'before a signature with an uncompressed name (RFC 8945 §4.2)',
      octets: `${header} 0002 ${question} ${opt} 03 6b6579 00 00fa 00ff 00000000 0000`,
      edns: { hasEdns: true, udpOctets: 1232 },
    },
    {
      name: 'the SOA of an IXFR query is skipped (RFC 1995 §3)',
      octets: `1234 0100 0001 0000 0001 0001 ${question} c00c 0006 0001 00000000 0000 ${opt}`,
      edns: { hasEdns: true },
    },
    {
      name: 'octets after the last record are ignored',
      octets: `${header} 0000 ${question} ffff`,
      edns: { hasEdns: false },
    },
  ]
  const read = createQuestion()
  for (const { name, octets, edns } of cases) {
    readQuestion(hex(octets), read)
    t.match(read, edns, name)
  }
  readQuestion(hex(`${header} 0000 ${question}`), read)
  t.match(read, { hasEdns: false, udpOctets: 512, isDnssecOk: false }, 'nothing is left of the one before')
  t.end()
})

t.test('reading stops at the first error', (t) => {
  const longest = `3f${'61'.repeat(63)}`.repeat(3) // 192 octets
  const cases = [
    { name: 'a header cut short', octets: '1234 0100 0001', message: 'header cut short at octet 6' },
    {
      name: 'no question (RFC 9619 §4)',
      octets: '1234 0100 0000 0000 0000 0000',
      message: '0 questions, expected 1 at octet 4',
    },
    {
      name: 'two questions',
      octets: `1234 0100 0002 0000 0000 0000 ${question} ${question}`,
      message: '2 questions, expected 1 at octet 4',
    },
    {
      name: 'an answer',
      octets: `1234 0100 0001 0001 0000 0000 ${question}`,
      message: 'answers in a query at octet 6',
    },
    { name: 'no name', octets: `${header} 0000`, message: 'name cut short at octet 12' },
    { name: 'a name cut short', octets: `${header} 0000 02 6d31`, message: 'name cut short at octet 15' },
    {
      name: 'a label cut short',
      octets: `${header} 0000 3f 6d31 00 0001 0001`,
      message: 'name cut short at octet 20',
    },
    {
      name: 'a pointer, to itself (RFC 1035 §4.1.4)',
      octets: `${header} 0000 c00c 0001 0001`,
      message: 'compressed or reserved label in a question at octet 12',
    },
    {
      name: 'a pointer after a label',
      octets: `${header} 0000 01 61 c00c 0001 0001`,
      message: 'compressed or reserved label in a question at octet 14',
    },
    {
      name: 'a reserved label type (RFC 6891 §5)',
      octets: `${header} 0000 41 61 00 0001 0001`,
      message: 'compressed or reserved label in a question at octet 12',
    },
    {
      name: '256 octets of name (RFC 1035 §2.3.4)',
      octets: `${header} 0000 ${longest} 3e ${'61'.repeat(62)} 00 0001 0001`,
      message: 'name longer than 255 octets at octet 204',
    },
    {
      name: 'QCLASS cut short',
      octets: `${header} 0000 00 0001 00`,
      message: 'question cut short at octet 16',
    },
    {
      name: 'a missing record',
      octets: `${header} 0001 ${question}`,
      message: 'name cut short at octet 32',
    },
    {
      name: 'a record cut short',
      octets: `${header} 0001 ${question} 00 0029 04d0 0000`,
      message: 'record cut short at octet 39',
    },
    {
      name: 'a pointer cut short',
      octets: `${header} 0001 ${question} c0`,
      message: 'record cut short at octet 33',
    },
    {
      name: 'a reserved label in the owner of a record',
      octets: `${header} 0001 ${question} 80 00`,
      message: 'reserved label at octet 32',
    },
    {
      name: 'rdata cut short',
      octets: `${header} 0001 ${question} 00 0029 04d0 00000000 0004 00`,
      message: 'rdata cut short at octet 44',
    },
    {
      name: 'an option cut short',
      octets: `${header} 0001 ${question} 00 0029 04d0 00000000 0004 000a 0008`,
      message: 'EDNS option cut short at octet 47',
    },
    {
      name: 'octets after the last option',
      octets: `${header} 0001 ${question} 00 0029 04d0 00000000 0005 0003 0000 ff`,
      message: 'EDNS option cut short at octet 48',
    },
    {
      name: 'a client cookie that is too short (RFC 7873 §5.2.2)',
      octets: `${header} 0001 ${question} 00 0029 04d0 00000000 000b 000a 0007 01020304050607`,
      message: 'cookie of 7 octets at octet 43',
    },
    {
      name: 'a server cookie that is too short',
      octets: `${header} 0001 ${question} 00 0029 04d0 00000000 0013 000a 000f ${'01'.repeat(15)}`,
      message: 'cookie of 15 octets at octet 43',
    },
    {
      name: 'a server cookie that is too long',
      octets: `${header} 0001 ${question} 00 0029 04d0 00000000 002d 000a 0029 ${'01'.repeat(41)}`,
      message: 'cookie of 41 octets at octet 43',
    },
    {
      name: 'two OPT records (RFC 6891 §6.1.1)',
      octets: `${header} 0002 ${question} 00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000`,
      message: 'OPT record in the wrong place, or a second one at octet 43',
    },
    {
      name: 'OPT in the authority section',
      octets: `1234 0100 0001 0000 0001 0000 ${question} 00 0029 04d0 00000000 0000`,
      message: 'OPT record in the wrong place, or a second one at octet 32',
    },
    {
      name: 'OPT with an owner (RFC 6891 §6.1.2)',
      octets: `${header} 0001 ${question} 01 61 00 0029 04d0 00000000 0000`,
      message: 'OPT record with an owner name at octet 32',
    },
  ]
  for (const { name, octets, message } of cases) {
    t.throws(() => readQuestion(hex(octets), createQuestion()), { name: 'MalformedPacket', message }, name)
  }
  t.end()
})

t.test('a name has at most 255 octets and 127 labels', (t) => {
  const read = createQuestion()
  const longest = `3f${'61'.repeat(63)}`.repeat(3)
  readQuestion(hex(`${header} 0000 ${longest} 3d ${'61'.repeat(61)} 00 0001 0001`), read)
  t.equal(read.nameOctets, 255)
  readQuestion(hex(`${header} 0000 ${'0161'.repeat(127)} 00 0001 0001`), read)
  t.match(read, { nameOctets: 255, labels: 127 })
  t.end()
})

t.test('names are compared ignoring case, from any label on (RFC 4343 §3)', (t) => {
  const read = createQuestion()
  const octets = hex(`${header} 0000 ${question}`)
  readQuestion(octets, read)
  const cases = [
    { label: 0, name: 'm1.example.net', is: true },
    { label: 0, name: 'm2.example.net', is: false },
    { label: 0, name: 'example.net', is: false },
    { label: 1, name: 'example.net', is: true },
    { label: 2, name: 'net', is: true },
    { label: 2, name: 'not', is: false },
  ]
  for (const { label, name, is } of cases) {
    t.equal(isNameFrom(read, octets, label, encodeName(name)), is, `label ${label} and ${name}`)
  }
  t.end()
})

t.test('arbitrary octets are a question or MalformedPacket', (t) => {
  const read = createQuestion()
  const queries = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.uint8Array({ maxLength: 80 }).map((rest) => Uint8Array.of(...hex(`${header} 0001`), ...rest)),
  )
  fc.assert(
    fc.property(queries, (octets) => {
      try {
        readQuestion(octets, read)
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
        return
      }
      if (read.end > octets.length || read.end !== 16 + read.nameOctets) throw new Error('reads past its end')
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('queries of an independent encoder are read', (t) => {
  const read = createQuestion()
  fc.assert(
    fc.property(
      fc.domain(),
      fc.constantFrom('A', 'AAAA', 'PTR'),
      fc.integer({ min: 1, max: 65_535 }),
      (name, type, size) => {
        const additionals = [
          { type: 'OPT', name: '.', udpPayloadSize: size, flags: dnsPacket.DNSSEC_OK, options: [] },
        ]
        const octets = dnsPacket.encode({ type: 'query', id: 1, questions: [{ name, type }], additionals })
        readQuestion(octets, read)
        if (formatQuestion(octets) !== `${name} ${type}`) throw new Error(formatQuestion(octets))
        if (read.udpOctets !== Math.max(512, size) || !read.isDnssecOk) throw new Error(`${read.udpOctets}`)
      },
    ),
    { numRuns: 100 },
  )
  t.end()
})
