import { createRequire } from 'node:module'
import t from 'tap'
import { formatIpv4 } from '../../../../src/proto/address/ipv4.ts'
import { addressesOf, addressOf, encodeAddresses } from '../../../../src/proto/dhcp/values/address.ts'
import { encodeDomainSearch } from '../../../../src/proto/dhcp/values/domain-search.ts'
import { ipxeFeaturesOf, noProxyDhcp } from '../../../../src/proto/dhcp/values/ipxe.ts'
import { encodeSeconds, secondsOf, u16Of, u16sOf, u8Of } from '../../../../src/proto/dhcp/values/number.ts'
import { subOptionsOf } from '../../../../src/proto/dhcp/values/sub-options.ts'
import { encodeText, printable, textOf } from '../../../../src/proto/dhcp/values/text.ts'
import { userClassesOf } from '../../../../src/proto/dhcp/values/user-class.ts'
import { parseBootVendorClass } from '../../../../src/proto/dhcp/values/vendor-class.ts'
import { address } from '../../../support/dhcp-message.ts'

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
  t.same(u16sOf(option(93, [0, 7, 0, 9])), [7, 9])
  t.end()
})

for (const seconds of [0, 120, 86_400, 0x7fffffff, 0x80000000, 0xfffffffe]) {
  t.test(`RFC 2132 §9.2: ${seconds} s are read as they were written`, (t) => {
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
  { name: 'RFC 2132 §2: NULs at the end are taken off', value: 'a\0b\0\0', text: 'a\0b' },
  { name: 'any octet is a character', value: [0x80, 0xff], text: '\x80\xff' },
  { name: 'no text', value: '', text: '' },
]
for (const { name, value, text } of texts) {
  t.test(name, (t) => {
    t.equal(textOf(option(60, value)), text)
    t.end()
  })
}

t.test('text is written one octet per character', (t) => {
  t.same([...encodeText('m1\0')], [0x6d, 0x31, 0])
  t.end()
})

t.test('what people are shown is short and holds nothing that a terminal obeys', (t) => {
  t.equal(printable('PXE\x1b[2J\x9b\n\xe9~ '), 'PXE?[2J???~ ')
  t.equal(printable('x'.repeat(200)).length, 128)
  t.end()
})

t.test('RFC 3397 §2, RFC 1035 §3.1: an independent reader sees the names of a search list', (t) => {
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
  { name: 'iPXE’s bare text', value: 'iPXE', classes: ['iPXE'] },
  { name: 'a list with an empty class is no list', value: '\x01a\x00', classes: ['\x01a\x00'] },
  { name: 'a list that ends early is no list', value: '\x01a\x05iPXE', classes: ['\x01a\x05iPXE'] },
  { name: 'nothing', value: '', classes: [] },
]
for (const { name, value, classes } of userClasses) {
  t.test(`user class: ${name}`, (t) => {
    t.same(userClassesOf(option(77, value)), classes)
    t.end()
  })
}

t.test('sub-options: the first of equals counts', (t) => {
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
  { name: 'somebody else’s', value: [1, 2, 3, 200, 9], is: undefined },
]
for (const { name, value, is } of features) {
  t.test(`iPXE’s option 175: ${name}`, (t) => {
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
