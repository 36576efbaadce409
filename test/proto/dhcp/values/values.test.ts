import { createRequire } from 'node:module'
import fc from 'fast-check'
import t from 'tap'
import { formatIpv4, parseCidr, type Cidr } from '../../../../src/proto/address/ip.ts'
import { MalformedPacket } from '../../../../src/proto/bytes.ts'
import {
  addressOf,
  addressesOf,
  encodeAddresses,
  encodeSeconds,
  secondsOf,
  u16Of,
  u16sIn,
  u8Of,
  encodeClasslessRoutes,
  encodeStaticRoutes,
} from '../../../../src/proto/dhcp/values/number.ts'
import {
  domainSearchOf,
  encodeDomainNames,
  encodeDomainSearch,
  encodeText,
  shownText,
  textOf,
  userClassesOf,
  parseBootVendorClass,
} from '../../../../src/proto/dhcp/values/text.ts'
import { ipxeFeaturesOf, noProxyDhcp, subOptionsOf } from '../../../../src/proto/dhcp/values/sub-options.ts'
import { address, octetsOf } from '../../../support/dhcp-message.ts'

const { name: domainName } = createRequire(import.meta.url)('dns-packet') as {
  name: { decode: { (octets: Uint8Array, at: number): string; bytes: number } }
}

const option = (code: number, value: readonly number[] | string) => ({
  code,
  value: Uint8Array.from(typeof value === 'string' ? Buffer.from(value, 'latin1') : value),
  offset: 242,
})

t.test('numbers are big-endian', (t) => {
  t.equal(u8Of(option(53, [3])), 3)
  t.equal(u16Of(option(57, [0xff, 0x00])), 65280)
  t.same(u16sIn(Uint8Array.of(0, 7, 0, 9)), [7, 9])
  t.same(u16sIn(Uint8Array.of(0, 7, 0, 9, 0)), [7, 9], 'without an incomplete one')
  t.end()
})

for (const seconds of [0, 120, 86_400, 0x7fffffff, 0x80000000, 0xfffffffe]) {
  t.test(`RFC 2132 §9.2: ${seconds} s are decoded as they were encoded`, (t) => {
    t.equal(secondsOf({ code: 51, value: encodeSeconds(seconds) }), seconds)
    t.end()
  })
}

t.test('RFC 2132 §3.5: addresses keep their order', (t) => {
  const value = encodeAddresses([address('192.0.2.9'), address('255.255.255.255'), address('192.0.2.1')])
  t.same([...value], [192, 0, 2, 9, 255, 255, 255, 255, 192, 0, 2, 1])
  t.same(addressesOf({ code: 6, value }).map(formatIpv4), ['192.0.2.9', '255.255.255.255', '192.0.2.1'])
  t.equal(formatIpv4(addressOf(option(50, [192, 0, 2, 9]))), '192.0.2.9')
  t.end()
})

const texts = [
  { name: 'text as it is', value: 'udhcp 1.35.0', text: 'udhcp 1.35.0' },
  { name: 'RFC 2132 §2: trailing NULs are removed', value: 'a\0b\0\0', text: 'a\0b' },
  { name: 'any octet is a character', value: [0x80, 0xff], text: '\x80\xff' },
  { name: 'no text', value: '', text: '' },
]
for (const { name, value, text } of texts) {
  t.test(name, (t) => {
    t.equal(textOf(option(60, value)), text)
    t.end()
  })
}

t.test('text is encoded as one octet per character', (t) => {
  t.same([...encodeText('m1\0')], [0x6d, 0x31, 0])
  t.end()
})

t.test('displayed text is short and has no control characters', (t) => {
  t.equal(shownText('PXE\x1b[2J\x9b\n\xe9~ '), 'PXE?[2J???~ ')
  t.equal(shownText('x'.repeat(200)).length, 128)
  t.end()
})

t.test('RFC 3397 §2: the example of the RFC is encoded with compression', (t) => {
  const value = encodeDomainSearch(['eng.apple.com', 'marketing.apple.com'])
  t.equal(Buffer.from(value).toString('latin1'), '\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04')
  t.same(domainSearchOf(option(119, [...value])), ['eng.apple.com', 'marketing.apple.com'])
  t.end()
})

t.test('RFC 1035 §4.1.4: a pointer has 14 bits, names beyond are repeated', (t) => {
  const names = Array.from({ length: 300 }, (_, index) => `${'a'.repeat(60)}${index + 100}.net`)
  const far = [...names, 'late.example.org', 'later.example.org']
  t.same(domainSearchOf(option(119, [...encodeDomainSearch(far)])), far)
  t.end()
})

t.test('decoding an encoded search list returns the list', (t) => {
  const label = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 12 }), (names) => {
      for (const encode of [encodeDomainSearch, encodeDomainNames]) {
        const read = domainSearchOf(option(119, [...encode(names)]))
        if (read.join() !== names.join()) throw new Error(`${read.join()} for ${names.join()}`)
      }
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('arbitrary octets are names or MalformedPacket', (t) => {
  const octet = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 0xc0, 0xc1))
  fc.assert(
    fc.property(fc.array(octet, { minLength: 1, maxLength: 300 }), (value) => {
      try {
        domainSearchOf(option(119, value))
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})

for (const { name, value, message } of [
  { name: 'no end', value: [1, 0x61], message: 'option 119 has a name without an end at octet 244' },
  {
    name: 'a label cut short',
    value: [5, 0x61],
    message: 'option 119 has a label that is too long at octet 242',
  },
  {
    name: 'a label of 64',
    value: [64, ...new Array<number>(64).fill(0x61), 0],
    message: 'option 119 has a label that is too long at octet 242',
  },
  {
    name: 'a pointer to itself',
    value: [0xc0, 0],
    message: 'option 119 has a pointer that does not lead backwards at octet 242',
  },
  {
    name: 'a forward pointer',
    value: [1, 0x61, 0xc0, 9],
    message: 'option 119 has a pointer that does not lead backwards at octet 244',
  },
  {
    name: 'half a pointer',
    value: [1, 0x61, 0, 0xc0],
    message: 'option 119 has a pointer that does not lead backwards at octet 245',
  },
  {
    name: 'a pointer loop',
    value: [0, 1, 0x61, 0xc0, 1],
    message: 'option 119 has a pointer that does not lead backwards at octet 245',
  },
  {
    name: 'a name of 255 characters',
    value: [...new Array<number[]>(4).fill([63, ...new Array<number>(63).fill(0x61)]).flat(), 0],
    message: 'option 119 has a name of more than 253 characters at octet 434',
  },
]) {
  t.test(`RFC 1035 §4.1.4: ${name} is malformed`, (t) => {
    t.throws(() => domainSearchOf(option(119, value)), { name: 'MalformedPacket', message })
    t.end()
  })
}

const route = (to: string, via: string) => ({ to: parseCidr(to) as Cidr, via: address(via) })

/** RFC 3442, the table of "Classless Route Option Format". */
for (const { to, octets } of [
  { to: '0.0.0.0/0', octets: [0] },
  { to: '10.0.0.0/8', octets: [8, 10] },
  { to: '10.0.0.0/24', octets: [24, 10, 0, 0] },
  { to: '10.17.0.0/16', octets: [16, 10, 17] },
  { to: '10.27.129.0/24', octets: [24, 10, 27, 129] },
  { to: '10.229.0.128/25', octets: [25, 10, 229, 0, 128] },
  { to: '10.198.122.47/32', octets: [32, 10, 198, 122, 47] },
]) {
  t.test(`RFC 3442: ${to} is ${octets.join('.')}`, (t) => {
    t.same([...encodeClasslessRoutes([route(to, '192.0.2.1')])], [...octets, 192, 0, 2, 1])
    t.end()
  })
}

t.test('RFC 2132 §5.8: option 33 has hosts and classful networks, never the default route', (t) => {
  const via = '192.0.2.1'
  const can = ['10.0.0.0/8', '172.16.0.0/16', '192.168.9.0/24', '192.168.9.7/32', '10.1.0.0/32']
  const cannot = ['0.0.0.0/0', '10.1.0.0/16', '172.16.0.0/12', '192.168.9.0/25', '192.168.9.0/32']
  t.same(
    [...encodeStaticRoutes([...cannot, ...can].map((to) => route(to, via)))],
    can.flatMap((to) => [...octetsOf(to.split('/')[0] as string), ...octetsOf(via)]),
  )
  t.end()
})

t.test('RFC 3397 §2, RFC 1035 §3.1: an independent decoder reads the names of a search list', (t) => {
  const names = ['ocp45.example.net', 'example.net', `${'a'.repeat(63)}.net`]
  const value = Buffer.from(encodeDomainSearch(names))
  const read: string[] = []
  for (let at = 0; at < value.length; at += domainName.decode.bytes) read.push(domainName.decode(value, at))
  t.same(read, names)
  t.same([...encodeDomainSearch(['ab.c'])], [2, 0x61, 0x62, 1, 0x63, 0])
  t.end()
})

const userClasses = [
  { name: 'RFC 3004 §4: one class', value: '\x04iPXE', classes: ['iPXE'] },
  { name: 'RFC 3004 §4: several classes', value: '\x01a\x04iPXE', classes: ['a', 'iPXE'] },
  { name: "iPXE's bare text", value: 'iPXE', classes: ['iPXE'] },
  { name: 'a list with an empty class is one class', value: '\x01a\x00', classes: ['\x01a\x00'] },
  { name: 'a truncated list is one class', value: '\x01a\x05iPXE', classes: ['\x01a\x05iPXE'] },
  { name: 'nothing', value: '', classes: [] },
]
for (const { name, value, classes } of userClasses) {
  t.test(`user class: ${name}`, (t) => {
    t.same(userClassesOf(option(77, value)), classes)
    t.end()
  })
}

t.test('sub-options: of repeated codes, the first counts', (t) => {
  const found = subOptionsOf(option(82, [1, 2, 0xaa, 0xbb, 9, 0, 1, 1, 0xcc]))
  t.same(
    [...found].map(([code, value]) => [code, [...value]]),
    [
      [1, [0xaa, 0xbb]],
      [9, []],
    ],
  )
  t.end()
})

for (const { name, value, at } of [
  { name: 'a code at the end', value: [1, 1, 7, 5], at: 245 },
  { name: 'a value cut short', value: [5, 4, 192, 0, 2], at: 242 },
]) {
  t.test(`sub-options: ${name} is malformed`, (t) => {
    t.throws(() => subOptionsOf(option(82, value)), {
      name: 'MalformedPacket',
      message: `sub-option 5 of option 82 is cut short at octet ${at}`,
    })
    t.end()
  })
}

const features = [
  {
    name: 'with http (capture boot-uefi-*)',
    value: [177, 5, 1, 0x1a, 0xf4, 0x10, 0, 19, 1, 1],
    is: { http: true },
  },
  { name: 'without http', value: [21, 1, 1], is: { http: false } },
  { name: 'with http switched off', value: [19, 1, 0], is: { http: false } },
  { name: 'empty', value: [], is: undefined },
  { name: 'from another program', value: [1, 2, 3, 200, 9], is: undefined },
]
for (const { name, value, is } of features) {
  t.test(`iPXE's option 175: ${name}`, (t) => {
    t.same(ipxeFeaturesOf(option(175, value)), is)
    t.end()
  })
}

t.test('no-pxedhcp is sub-option 176', (t) => {
  t.same([...noProxyDhcp], [0xb0, 1, 1])
  t.end()
})

const vendorClasses = [
  { text: 'PXEClient:Arch:00007:UNDI:003000', is: { protocol: 'PXEClient', architecture: 7 } },
  { text: 'HTTPClient:Arch:00016:UNDI:003000', is: { protocol: 'HTTPClient', architecture: 16 } },
  { text: 'PXEClient:Arch:00011', is: { protocol: 'PXEClient', architecture: 11 } },
  { text: 'PXEClient', is: { protocol: 'PXEClient', architecture: undefined } },
  { text: 'PXEClient:Arch:7:UNDI:003000', is: { protocol: 'PXEClient', architecture: undefined } },
  { text: 'PXEClient:Arch:000071', is: { protocol: 'PXEClient', architecture: undefined } },
  { text: 'PXEClient-2.1', is: { protocol: 'PXEClient', architecture: undefined } },
  { text: 'U-Boot.armv8', is: { protocol: 'PXEClient', architecture: undefined } },
  { text: 'U-Bootx', is: undefined },
  { text: 'a PXEClient', is: undefined },
  { text: 'udhcp 1.35.0', is: undefined },
  { text: '', is: undefined },
]
for (const { text, is } of vendorClasses) {
  t.test(`RFC 4578 §3: vendor class "${text}"`, (t) => {
    t.same(parseBootVendorClass(text), is)
    t.end()
  })
}
