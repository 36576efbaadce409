import t from 'tap'
import {
  decodePacket,
  encodePacket,
  writeDataHeader,
  type TftpPacket,
} from '../../../src/proto/tftp/packet.ts'
import { hex, hexFixture } from '../../support/hex.ts'

const options = (...entries: [string, string][]) => new Map(entries)

const captured: { fixture: string; packet: TftpPacket }[] = [
  {
    fixture: 'ovmf-size',
    packet: {
      kind: 'rrq',
      file: 'ipxe.efi',
      mode: 'octet',
      options: options(['tsize', '0'], ['blksize', '1468'], ['windowsize', '4']),
    },
  },
  {
    fixture: 'ovmf-read',
    packet: {
      kind: 'rrq',
      file: 'ipxe.efi',
      mode: 'octet',
      options: options(['blksize', '1468'], ['windowsize', '4']),
    },
  },
  { fixture: 'ovmf-probe', packet: { kind: 'error', code: 8, message: 'User aborted the transfer' } },
  {
    fixture: 'ipxe-bios',
    packet: {
      kind: 'rrq',
      file: 'undionly.kpxe',
      mode: 'octet',
      options: options(['blksize', '1432'], ['tsize', '0']),
    },
  },
  {
    fixture: 'atftp',
    packet: {
      kind: 'rrq',
      file: 'undionly.kpxe',
      mode: 'octet',
      options: options(['tsize', '0'], ['blksize', '1428'], ['windowsize', '8']),
    },
  },
  {
    fixture: 'curl',
    packet: {
      kind: 'rrq',
      file: 'undionly.kpxe',
      mode: 'octet',
      options: options(['tsize', '0'], ['blksize', '1024'], ['timeout', '6']),
    },
  },
  {
    fixture: 'busybox',
    packet: {
      kind: 'rrq',
      file: 'undionly.kpxe',
      mode: 'octet',
      options: options(['blksize', '1400'], ['tsize', '0']),
    },
  },
  {
    fixture: 'tftp-hpa',
    packet: { kind: 'rrq', file: 'undionly.kpxe', mode: 'octet', options: options() },
  },
]

for (const { fixture, packet } of captured) {
  t.test(`${fixture}: a packet of a real client is decoded, and encoded unchanged`, (t) => {
    t.same(decodePacket(hexFixture(`tftp/${fixture}`)), packet)
    t.same(encodePacket(packet), hexFixture(`tftp/${fixture}`))
    t.end()
  })
}

t.test('lenovo-t460: an octet that is not UTF-8 becomes U+FFFD', (t) => {
  t.match(decodePacket(hexFixture('tftp/lenovo-t460')), { kind: 'rrq', file: 'netboot.xyz.efi\ufffd' })
  t.end()
})

const spelled: { name: string; octets: string; packet: TftpPacket }[] = [
  {
    name: 'WRQ (RFC 1350 §5)',
    octets: `00 02  # WRQ
             61 00  # file "a"
             6e 65 74 61 73 63 69 69 00  # netascii`,
    packet: { kind: 'wrq', file: 'a', mode: 'netascii', options: options() },
  },
  {
    name: 'DATA (RFC 1350 §5)',
    octets: `00 03  # DATA
             ff ff  # block 65535
             01 02 03`,
    packet: { kind: 'data', block: 65_535, payload: Uint8Array.of(1, 2, 3) },
  },
  {
    name: 'DATA without octets ends a file whose size is a multiple of the block size',
    octets: `00 03
             00 02`,
    packet: { kind: 'data', block: 2, payload: new Uint8Array() },
  },
  {
    name: 'ACK (RFC 1350 §5)',
    octets: `00 04  # ACK
             01 00  # block 256`,
    packet: { kind: 'ack', block: 256 },
  },
  {
    name: 'ERROR (RFC 1350 §5)',
    octets: `00 05  # ERROR
             00 01  # file not found
             67 6f 6e 65 00  # "gone"`,
    packet: { kind: 'error', code: 1, message: 'gone' },
  },
  {
    name: 'OACK (RFC 2347)',
    octets: `00 06  # OACK
             74 73 69 7a 65 00  # tsize
             39 00              # 9`,
    packet: { kind: 'oack', options: options(['tsize', '9']) },
  },
]

for (const { name, octets, packet } of spelled) {
  t.test(name, (t) => {
    t.same(decodePacket(hex(octets)), packet)
    t.same(encodePacket(packet), hex(octets))
    t.end()
  })
}

const tolerated: { name: string; octets: string; packet: TftpPacket }[] = [
  {
    name: 'mode and option names are case-insensitive (RFC 1350 §5, RFC 2347)',
    octets: `00 01
             41 00              # file "A" keeps its case
             4f 63 54 65 54 00  # OcTeT
             42 4c 4b 53 49 5a 45 00  # BLKSIZE
             38 00              # 8`,
    packet: { kind: 'rrq', file: 'A', mode: 'octet', options: options(['blksize', '8']) },
  },
  {
    name: 'zero octets after the options are padding',
    octets: `00 01
             61 00
             6f 63 74 65 74 00
             74 73 69 7a 65 00 30 00  # tsize 0
             00 00 00`,
    packet: { kind: 'rrq', file: 'a', mode: 'octet', options: options(['tsize', '0']) },
  },
  {
    name: 'an option can have an empty value',
    octets: '00 06  61 00 00',
    packet: { kind: 'oack', options: options(['a', '']) },
  },
  {
    name: 'octets after an ACK are ignored',
    octets: '00 04  00 01  de ad',
    packet: { kind: 'ack', block: 1 },
  },
  {
    name: 'an ERROR ends a transfer even without its last zero octet',
    octets: '00 05  00 00  6e 6f',
    packet: { kind: 'error', code: 0, message: 'no' },
  },
  {
    name: 'an ERROR can lack the message',
    octets: '00 05  00 03',
    packet: { kind: 'error', code: 3, message: '' },
  },
  {
    name: 'a byte order mark is part of a name',
    octets: '00 01  ef bb bf 61 00  78 00',
    packet: { kind: 'rrq', file: '\ufeffa', mode: 'x', options: options() },
  },
]

for (const { name, octets, packet } of tolerated) {
  t.test(name, (t) => {
    t.same(decodePacket(hex(octets)), packet)
    t.end()
  })
}

const request = (more: string) => `00 01  61 00  6f 63 74 65 74 00 ${more}` // RRQ, "a", octet

const malformed = [
  { name: 'nothing', octets: '', message: '2 octets expected, 0 left at octet 0' },
  { name: 'one octet', octets: '00', message: '2 octets expected, 1 left at octet 0' },
  { name: 'opcode 0', octets: '00 00', message: 'opcode 0 at octet 0' },
  { name: 'opcode 7', octets: '00 07', message: 'opcode 7 at octet 0' },
  {
    name: 'DATA without a block number',
    octets: '00 03 00',
    message: '2 octets expected, 1 left at octet 2',
  },
  { name: 'ACK without a block number', octets: '00 04', message: '2 octets expected, 0 left at octet 2' },
  { name: 'ERROR without a code', octets: '00 05 00', message: '2 octets expected, 1 left at octet 2' },
]

for (const { name, octets, message } of malformed) {
  t.test(`refused: ${name}`, (t) => {
    t.throws(() => decodePacket(hex(octets)), { name: 'MalformedPacket', message })
    t.end()
  })
}

const unreadable = [
  {
    name: 'without a name',
    octets: '00 01',
    file: '',
    problem: 'the file name does not end with a zero octet',
  },
  {
    name: 'with a name that does not end',
    octets: '00 01 61',
    file: '',
    problem: 'the file name does not end with a zero octet',
  },
  { name: 'with an empty name', octets: '00 01 00 6f 00', file: '', problem: 'the file name is empty' },
  { name: 'without a mode', octets: '00 01 61 00', file: 'a', problem: 'the request has no mode' },
  {
    name: 'with a mode that does not end',
    octets: '00 01 61 00 6f',
    file: 'a',
    problem: 'the request has no mode',
  },
  {
    name: 'longer than an Ethernet frame',
    octets: `00 01 61 00 6f 00 ${'62 00 '.repeat(800)}`,
    file: '',
    problem: 'the request has 1606 octets',
  },
]
for (const { name, octets, file, problem } of unreadable) {
  t.test(`a request ${name} has a problem, so that it gets an ERROR`, (t) => {
    t.same(decodePacket(hex(octets)), { kind: 'rrq', file, mode: '', options: options(), problem })
    t.equal((decodePacket(hex(octets.replace('00 01', '00 02'))) as { kind: string }).kind, 'wrq')
    t.end()
  })
}

const readable: { name: string; octets: string; read: [string, string][] }[] = [
  { name: 'an option name that does not end', octets: request('63 00 31 00 62'), read: [['c', '1']] },
  { name: 'an option without a value', octets: request('63 00 31 00 62 00'), read: [['c', '1']] },
  { name: 'a value that does not end', octets: request('63 00 31 00 62 00 31'), read: [['c', '1']] },
  {
    name: 'an option twice: "each may only be specified once" (RFC 2347)',
    octets: request('62 00 31 00 42 00 32 00 63 00 33 00'),
    read: [['b', '1'], ['c', '3']], // prettier-ignore
  },
  { name: 'an empty option name', octets: request('63 00 31 00 00 62 00 31 00'), read: [['c', '1']] },
]
for (const { name, octets, read } of readable) {
  t.test(`the complete options before ${name} count`, (t) => {
    t.same(decodePacket(hex(octets)), { kind: 'rrq', file: 'a', mode: 'octet', options: options(...read) })
    t.end()
  })
}

t.test('senders keep to 512 octets (RFC 2347), and longer requests are read', (t) => {
  const longest = { kind: 'rrq', file: 'a'.repeat(503), mode: 'octet', options: options() } as const
  t.equal(encodePacket(longest).length, 512)
  t.same(decodePacket(encodePacket(longest)), longest)
  const longer = Uint8Array.of(0, 1, ...new Array<number>(504).fill(0x61), 0, ...hex('6f 63 74 65 74 00'))
  t.same(decodePacket(longer), { ...longest, file: 'a'.repeat(504) })
  t.throws(() => encodePacket({ ...longest, file: 'a'.repeat(504) }), {
    name: 'RangeError',
    message: 'request of 513 octets, at most 512',
  })
  t.end()
})

t.test('a text with a zero octet is refused', (t) => {
  t.throws(() => encodePacket({ kind: 'error', code: 0, message: 'a\0b' }), {
    name: 'RangeError',
    message: 'zero octet inside a text',
  })
  t.end()
})

t.test('a header overwrites the start of the buffer', (t) => {
  const buffer = Uint8Array.of(9, 9, 9, 9, 9)
  writeDataHeader(buffer, 0x0102)
  t.same(buffer, Uint8Array.of(0, 3, 1, 2, 9))
  writeDataHeader(buffer, 65_536)
  t.same(buffer, Uint8Array.of(0, 3, 0, 0, 9))
  t.end()
})
