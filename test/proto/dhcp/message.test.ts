import t from 'tap'
import { decodeMessage, encodeMessage, type DhcpMessage } from '../../../src/proto/dhcp/message.ts'
import { captures } from '../../support/dhcp-captures.ts'
import { clientMessage, clientPacket } from '../../support/dhcp-message.ts'

/** Builds a packet with the layout of RFC 2131 §2, figure 1; `sname` and `file` have any content. */
function packet(
  options: readonly number[],
  { sname = [] as number[], file = [] as number[] } = {},
): Uint8Array {
  return Uint8Array.from([
    ...[1, 1, 6, 0], // op, htype, hlen, hops
    ...[0x12, 0x34, 0x56, 0x78], // xid
    ...[0, 3, 0x80, 0], // secs, flags
    ...[192, 0, 2, 1], // ciaddr
    ...[192, 0, 2, 2], // yiaddr
    ...[192, 0, 2, 3], // siaddr
    ...[192, 0, 2, 4], // giaddr
    ...[0x00, 0x00, 0x5e, 0x00, 0x53, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], // chaddr
    ...sname,
    ...new Array<number>(64 - sname.length).fill(0),
    ...file,
    ...new Array<number>(128 - file.length).fill(0),
    ...[99, 130, 83, 99], // magic cookie
    ...options,
  ])
}

/** Returns the options without offsets, which only decoded messages have. */
function plain({ options, ...header }: DhcpMessage) {
  return {
    ...header,
    ignored: undefined,
    chaddr: [...header.chaddr],
    options: options.map(({ code, value }) => ({ code, value: [...value] })),
  }
}

const valuesOf = (octets: Uint8Array) => plain(decodeMessage(octets)).options

t.test('every field is at its offset of RFC 2131 §2, figure 1', (t) => {
  const message = decodeMessage(packet([53, 1, 1, 255], { sname: [0x61, 0x62], file: [0x78] }))
  t.same(plain(message), {
    op: 1,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: 0x12345678,
    secs: 3,
    flags: 0x8000,
    ciaddr: 0xc0000201,
    yiaddr: 0xc0000202,
    siaddr: 0xc0000203,
    giaddr: 0xc0000204,
    chaddr: [0x00, 0x00, 0x5e, 0x00, 0x53, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    sname: 'ab',
    file: 'x',
    options: [{ code: 53, value: [1] }],
  })
  t.equal(message.options[0]?.offset, 242, 'where the value of the option stands')
  t.end()
})

const walks = [
  { name: 'RFC 2132 §3.1: a PAD is one octet', options: [0, 0, 53, 1, 1, 0, 255], read: { 53: [1] } },
  {
    name: 'RFC 2132 §3.2: options after END are ignored',
    options: [53, 1, 1, 255, 12, 200],
    read: { 53: [1] },
  },
  { name: 'a missing END is accepted', options: [53, 1, 1], read: { 53: [1] } },
  { name: 'no options at all', options: [], read: {} },
  { name: 'an option of length 0 is decoded', options: [80, 0, 255], read: { 80: [] } },
  {
    name: 'RFC 3396 §7: parts of an option are joined in order, wherever they are',
    options: [12, 2, 1, 2, 53, 1, 1, 12, 1, 3, 12, 2, 4, 5, 255],
    read: { 12: [1, 2, 3, 4, 5], 53: [1] },
  },
]
for (const { name, options, read } of walks) {
  t.test(name, (t) => {
    t.same(Object.fromEntries(valuesOf(packet(options)).map(({ code, value }) => [code, value])), read)
    t.end()
  })
}

const overloads = [
  {
    name: 'RFC 2132 §9.3: overload 1 reads options from file',
    octets: packet([52, 1, 1, 255], { sname: [0x61], file: [12, 1, 7, 255, 99] }),
    read: { sname: 'a', file: '', options: [{ code: 12, value: [7] }] },
  },
  {
    name: 'RFC 2132 §9.3: overload 2 reads options from sname',
    octets: packet([52, 1, 2, 255], { sname: [12, 1, 7, 255], file: [0x62] }),
    read: { sname: '', file: 'b', options: [{ code: 12, value: [7] }] },
  },
  {
    name: 'RFC 2131 §4.1: overload 3 reads the options field, then file, then sname',
    octets: packet([52, 1, 3, 12, 1, 1, 255], { sname: [12, 1, 3, 255], file: [12, 1, 2] }),
    read: { sname: '', file: '', options: [{ code: 12, value: [1, 2, 3] }] },
  },
]
for (const { name, octets, read } of overloads) {
  t.test(name, (t) => {
    const { sname, file, options } = plain(decodeMessage(octets))
    t.same({ sname, file, options }, read)
    t.end()
  })
}

t.test('an overload option inside file is ignored, valid or not (RFC 2131 §4.1)', (t) => {
  const octets = packet([52, 1, 1, 255], { sname: [12, 1, 7, 255], file: [52, 1, 2, 52, 2, 9, 9, 255] })
  t.same(plain(decodeMessage(octets)).options, [])
  t.equal(decodeMessage(octets).sname, '\x0c\x01\x07\xff')
  t.end()
})

const malformed = [
  { name: 'nothing', octets: new Uint8Array(), message: '1 octets expected, 0 left at octet 0' },
  {
    name: 'a header cut short',
    octets: packet([]).subarray(0, 30),
    message: '16 octets expected, 2 left at octet 28',
  },
  {
    name: 'BOOTP without a cookie (RFC 951)',
    octets: packet([]).subarray(0, 236),
    message: '4 octets expected, 0 left at octet 236',
  },
  {
    name: 'RFC 2131 §3: another magic cookie',
    octets: packet([]).fill(0, 236, 240),
    message: 'no DHCP magic cookie at octet 236',
  },
  {
    name: 'op 3',
    octets: packet([]).fill(3, 0, 1),
    message: 'op 3 is not 1 (request) or 2 (reply) at octet 0',
  },
  {
    name: 'a hardware address longer than chaddr',
    octets: packet([]).fill(17, 2, 3),
    message: 'hlen 17 is longer than chaddr at octet 2',
  },
]
for (const { name, octets, message } of malformed) {
  t.test(`malformed: ${name}`, (t) => {
    t.throws(() => decodeMessage(octets), { name: 'MalformedPacket', message })
    t.end()
  })
}

const ignored = [
  {
    name: 'a code at the very end',
    octets: packet([60, 1, 7, 53]),
    read: { 60: [7] },
    text: 'option 53 without a length',
  },
  {
    name: 'an option that ends beyond the packet: the options before it count',
    octets: packet([53, 1, 1, 12, 9, 7]),
    read: { 53: [1] },
    text: 'option 12 with 1 of its 9 octets',
  },
  {
    name: 'an option that ends beyond file: sname is read too',
    octets: packet([52, 1, 3, 255], {
      file: [60, 1, 7, ...new Array<number>(123).fill(0), 12, 1],
      sname: [61, 1, 8],
    }),
    read: { 60: [7], 61: [8] },
    text: 'option 12 with 0 of its 1 octets',
  },
  ...[
    { name: 'without octets', option: [52, 0], text: 'option 52 with 0 octets' },
    { name: 'of two octets', option: [52, 2, 1, 0], text: 'option 52 with 2 octets' },
    { name: 'of 0', option: [52, 1, 0], text: 'option 52 with the value 0' },
    { name: 'of 4', option: [52, 1, 4], text: 'option 52 with the value 4' },
  ].map(({ name, option, text }) => ({
    name: `RFC 2132 §9.3: an overload ${name}`,
    octets: packet([...option, 53, 1, 1, 255], { file: [12, 1, 7] }),
    read: { 53: [1] },
    text,
  })),
  ...[
    { name: 'a message type', code: 53, options: [53, 1, 1, 53, 1, 3], value: [1] },
    { name: 'a maximum size', code: 57, options: [57, 2, 5, 0xc0, 57, 2, 2, 64], value: [5, 0xc0] },
    {
      name: 'an address',
      code: 50,
      options: [50, 4, 192, 0, 2, 1, 50, 4, 192, 0, 2, 2],
      value: [192, 0, 2, 1],
    },
  ].map(({ name, code, options, value }) => ({
    name: `RFC 3396 §5: of ${name} that is sent twice, the first counts`,
    octets: packet([...options, 255]),
    read: { [code]: value },
    text: `option ${code} a second time`,
  })),
  {
    name: 'of a value of fixed length that is sent twice, the first with this length counts',
    octets: packet([57, 1, 5, 57, 2, 5, 0xc0, 255]),
    read: { 57: [5, 0xc0] },
    text: 'option 57 with 1 octet',
  },
]
for (const { name, octets, read, text } of ignored) {
  t.test(`ignored: ${name}`, (t) => {
    const { options, ignored } = decodeMessage(octets)
    t.same(Object.fromEntries(options.map(({ code, value }) => [code, [...value]])), read)
    t.same(ignored, [{ code: Number(/\d+/.exec(text)?.[0]), text }])
    t.end()
  })
}

t.test('a message lists at most eight ignored options', (t) => {
  const { options, ignored = [] } = decodeMessage(packet(new Array(300).fill([57, 1, 5]).flat() as number[]))
  t.equal(ignored.length, 8)
  t.equal(options.length, 1)
  t.end()
})

for (const { name, optionOrder, octets } of captures) {
  t.test(`capture: ${name} has the options that another decoder found`, (t) => {
    t.same(
      decodeMessage(octets).options.map(({ code }) => code),
      optionOrder,
    )
    t.end()
  })
}

for (const { name, octets } of captures) {
  t.test(`capture: ${name} is encoded again octet by octet`, (t) => {
    const out = new Uint8Array(1500)
    const written = out.subarray(0, encodeMessage(decodeMessage(octets), out))
    // Octets after END are padding: some clients pad to another length than the 300 octets of RFC 1542 §2.1.
    const length = Math.min(written.length, octets.length)
    t.equal(
      Buffer.from(written.subarray(0, length)).toString('hex'),
      Buffer.from(octets.subarray(0, length)).toString('hex'),
    )
    t.equal(
      written.subarray(length).every((octet) => octet === 0),
      true,
    )
    t.end()
  })
}

t.test('RFC 1542 §2.1: a message has at least 300 octets', (t) => {
  t.equal(clientPacket({ type: 'discover' }).length, 300)
  t.end()
})

t.test('RFC 3396 §5: a value over 255 octets is written in parts', (t) => {
  const value = Uint8Array.from({ length: 600 }, (_, index) => index)
  const out = new Uint8Array(1000)
  const octets = encodeMessage({ ...clientMessage({}), options: [{ code: 119, value }] }, out)
  t.same([out[240], out[241]], [119, 255])
  t.same([out[240 + 257], out[241 + 257]], [119, 255])
  t.same([out[240 + 2 * 257], out[241 + 2 * 257]], [119, 90])
  t.same(decodeMessage(out.subarray(0, octets)).options[0]?.value, value)
  t.end()
})

const tooLong = [
  {
    name: 'sname of 64',
    message: { ...clientMessage({}), sname: 'x'.repeat(64) },
    error: '64 octets exceed the limit of 63',
  },
  {
    name: 'file of 128',
    message: { ...clientMessage({}), file: 'x'.repeat(128) },
    error: '128 octets exceed the limit of 127',
  },
]
for (const { name, message, error } of tooLong) {
  t.test(`RFC 2131 §2: ${name} octets leaves no space for the terminating NUL`, (t) => {
    t.throws(() => encodeMessage(message, new Uint8Array(1500)), { name: 'RangeError', message: error })
    t.end()
  })
}

t.test('a buffer that is too small is an error of the caller', (t) => {
  const error = { name: 'RangeError', message: '4 octets do not fit into 0' }
  t.throws(() => encodeMessage(clientMessage({}), new Uint8Array(236)), error)
  t.end()
})
