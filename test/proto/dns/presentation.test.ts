/** Data of other record types; BIND checks the octets where it is installed. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import {
  otherTypeNames,
  otherTypeOf,
  parseOtherData,
  typeCode,
  type OtherData,
} from '../../../src/proto/dns/presentation.ts'

/** Each with its octets where they are short. */
type Case = readonly [type: string, text: string, formatted?: string | undefined, rdata?: string]
const cases: readonly Case[] = [
  ['HINFO', 'AMD64 "RHEL CoreOS"', '"AMD64" "RHEL CoreOS"'],
  ['RP', 'admin.example.net. .'],
  ['AFSDB', '1 afs.example.net.'],
  ['NAPTR', '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .'],
  ['NAPTR', '100 10 s "" "" x.example.net.', '100 10 "s" "" "" x.example.net.'],
  ['HINFO', 'a\\ b\\233 "a\\"b\\\\c"', '"a b\\233" "a\\"b\\\\c"'],
  ['KX', '10 kx.example.net.'],
  ['CERT', '1 2 3 AQID', undefined, '00010002' + '03' + '010203'],
  ['SSHFP', `4 2 0B9F ${'A5'.repeat(30)}`, `4 2 0b9f${'a5'.repeat(30)}`],
  ['SSHFP', '4 3 0b9f', undefined, '04030b9f'],
  ['TLSA', '3 1 1 0b9fa5a5'],
  ['SMIMEA', '3 0 0 00ff'],
  ['OPENPGPKEY', 'AQID BAUG', 'AQIDBAUG', '010203040506'],
  ['URI', '10 1 "https://example.net/a?b=c"'],
  ['HTTPS', '1 .', undefined, '000100'],
  ['HTTPS', '0 pool.example.net.'],
  ['HTTPS', '1 . port=8443 alpn="h2,h3"', '1 . alpn="h2,h3" port=8443'],
  [
    'SVCB',
    '16 x.example.net. mandatory=port,alpn alpn=h2 no-default-alpn port=53 ipv4hint=192.0.2.1,192.0.2.2 ech=AQID ipv6hint=2001:db8::1 dohpath=/q{?dns} key667="a b" key668',
    '16 x.example.net. mandatory=alpn,port alpn="h2" no-default-alpn port=53 ipv4hint=192.0.2.1,192.0.2.2 ech=AQID ipv6hint=2001:db8::1 dohpath="/q{?dns}" key667="a b" key668',
  ],
  ['LOC', '52 22 23 N 4 53 32.5 E -2m 0m', '52 22 23.000 N 4 53 32.500 E -2.00m 0.00m 10000.00m 10.00m'],
  [
    'LOC',
    '90 S 180 W 42849672m 90000000m 1',
    '90 0 0.000 S 180 0 0.000 W 42849672.00m 90000000.00m 1.00m 10.00m',
  ],
  ['LOC', '42 21 54 N 71 6 18 W -24m 30m', '42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m'],
  ['TYPE65280', '\\# 3 0a 0B0c', '\\# 3 0a0b0c', '0a0b0c'],
  ['TYPE65281', '\\# 0', undefined, ''],
  ['TYPE52', '3 1 1 ff', '3 1 1 ff', '030101ff'],
  ['tlsa', '\\# 4 030101ff', '3 1 1 ff', '030101ff'],
]

t.test('data is read and written in the format of a zone file', (t) => {
  for (const [type, text, formatted = text, rdata] of cases) {
    const data = parseOtherData(type, text)
    t.equal(data.text, formatted)
    if (rdata !== undefined) t.equal(data.rdata, rdata)
    t.same(parseOtherData(data.type, data.text), data, 'read again')
    t.same(parseOtherData(data.type, generic(data)), data, 'from the generic format')
  }
  t.equal(parseOtherData('AFSDB', '1 afs.example.net').text, '1 afs.example.net.', 'names are complete')
  t.same(
    otherTypeNames.filter((name) => !cases.some(([type]) => type === name)),
    [],
  )
  t.end()
})

function generic({ rdata }: OtherData): string {
  return `\\# ${rdata.length / 2} ${rdata}`
}

const compiler = '/usr/bin/named-compilezone'
const noBind = spawnSync(compiler, ['-v']).status !== 0 && 'BIND is not installed'

t.test('BIND reads the same octets from the text', { skip: noBind }, (t) => {
  // A set has each record once: text that differs from the octets would add a second one.
  const lines = cases.flatMap(([type, text], index) => {
    const data = parseOtherData(type, text)
    const owner = `n${index}`
    return [
      `${owner} IN ${type.toUpperCase()} ${text}`,
      `${owner} IN ${data.type} ${data.text}`,
      `${owner} IN TYPE${data.code} ${generic(data)}`,
    ]
  })
  const zone = [
    '$ORIGIN example.net.',
    '$TTL 60',
    '@ IN SOA ns hostmaster 1 2 3 4 5',
    '@ IN NS ns',
    'ns IN A 192.0.2.1',
    ...lines,
    '',
  ]
  const dir = t.testdir({ zone: zone.join('\n') })
  const options = ['-k', 'ignore', '-s', 'full', '-o', join(dir, 'out'), 'example.net', join(dir, 'zone')]
  const { status, stdout, stderr } = spawnSync(compiler, options, { encoding: 'utf8' })
  t.equal(status, 0, stdout + stderr)
  const dumped = readFileSync(join(dir, 'out'), 'utf8').trim().split('\n')
  t.equal(dumped.length, cases.length + 3)
  t.end()
})

t.test('other data is rejected with what was expected', (t) => {
  const wrong: readonly (readonly [type: string, text: string, reason: string | RegExp])[] = [
    ['A', '192.0.2.1', 'expected another type: a record cannot have the type A'],
    ['TYPE1', '\\# 4 c0000201', 'expected another type: a record cannot have the type TYPE1'],
    ['TLSA', '3 1 256 ff', 'expected a number from 0 to 255, got 256'],
    ['TLSA', '3 1', 'expected a number from 0 to 255 at the end'],
    ['TLSA', '3 1 1 f', 'expected octets in hexadecimal'],
    ['TLSA', '3 1 1', 'expected octets in hexadecimal'],
    ['TLSA', '\\# 2 0301', 'expected more octets'],
    ['KX', '10 kx.example.net more', 'expected no more data at more'],
    ['KX', '70000 x.', 'expected a number from 0 to 65535, got 70000'],
    ['KX', '1 a..b', 'expected a name, got a..b'],
    ['KX', '\\# 5 0001c00c00', 'expected a name without compression'],
    ['KX', '\\# 4 00010000', 'expected 3 octets, got 4'],
    ['SSHFP', '4 1 0b9f', 'expected a fingerprint of 20 octets, got 2'],
    ['SSHFP', '\\# 3 04020b', 'expected a fingerprint of 32 octets, got 1'],
    ['NAPTR', '1 1 "" "" "!a!b" .', 'expected a substitution such as !^.*$!sip:info@example.net!, got !a!b'],
    ['CERT', '1 2 3 A=D', 'expected octets in base64'],
    ['HINFO', `a "${'x'.repeat(256)}"`, /^expected text of up to 255 octets, got x/],
    ['HINFO', 'a "b', 'expected words, or text in quotes, at "b'],
    ['HINFO', 'a \\999', 'expected an octet after the backslash, got 999'],
    ['HINFO', 'a ; b', 'expected words, or text in quotes, at ; b'],
    ['URI', '1 1 ""', 'expected text in quotes'],
    ['URI', `1 1 ${'x'.repeat(4000)}`, 'expected at most 3900 octets, got 4004'],
    ['TYPE65280', 'ff', 'expected \\# <length> <hexadecimal>, because the format of TYPE65280 is not known'],
    ['TYPE65280', '\\# 2 ff', /with as many octets as the length says/],
    ['TYPE65280', '\\# 1 f', /with as many octets/],
    ['TYPE65280', '\\#', /with as many octets/],
  ]
  for (const [type, text, reason] of wrong) {
    t.throws(() => parseOtherData(type, text), { message: reason }, text)
  }
  t.end()
})

t.test('types of zones, of queries, and with keys of their own are not other types', (t) => {
  for (const type of [
    'SOA',
    'PTR',
    'TYPE12',
    'DS',
    'TYPE43',
    'DNAME',
    'TYPE39',
    'OPT',
    'ANY',
    'TYPE255',
    'TYPE0',
    'TYPE65535',
    'TYPE99999',
    'TYPE01',
    'X',
  ])
    t.equal(otherTypeOf(type), undefined, type)
  t.same(otherTypeOf('https'), { name: 'HTTPS', code: 65 })
  t.same(otherTypeOf('TYPE65'), { name: 'HTTPS', code: 65 })
  t.same(otherTypeOf('TYPE65534'), { name: 'TYPE65534', code: 65_534 })
  t.same([typeCode('A'), typeCode('AXFR'), typeCode('URI'), typeCode('TYPE999')], [1, 252, 256, 999])
  t.end()
})

t.test('any octets of an unknown type survive', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      const rdata = Buffer.from(octets).toString('hex')
      return parseOtherData('TYPE65280', generic({ rdata } as OtherData)).rdata === rdata
    }),
  )
  t.end()
})

t.test('octets of a known type are rejected, or survive their text', (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...otherTypeNames), fc.uint8Array({ maxLength: 40 }), (type, octets) => {
      const rdata = Buffer.from(octets).toString('hex')
      let data: OtherData
      try {
        data = parseOtherData(type, generic({ rdata } as OtherData))
      } catch (error) {
        return error instanceof RangeError
      }
      return data.rdata === rdata
    }),
    { numRuns: 2000 },
  )
  t.end()
})

t.test('text of any octets survives in a character-string', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 255 }), fc.uint8Array({ maxLength: 20 }), (one, other) => {
      const rdata = Buffer.from([one.length, ...one, other.length, ...other]).toString('hex')
      const { text } = parseOtherData('HINFO', generic({ rdata } as OtherData))
      return parseOtherData('HINFO', text).rdata === rdata
    }),
  )
  t.end()
})
