import t from 'tap'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { isNewerSerial, rdataText, serialOf, zoneFile } from '../../../src/plan/dns/zone.ts'
import type { Model } from '../../../src/plan/model.ts'
import { parseIpv4, parseIpv6 } from '../../../src/proto/address/ip.ts'
import type { RecordData } from '../../../src/proto/dns/record.ts'
import { guideModel } from './guide.ts'

const other = guideModel(
  (site) => (site.hosts = [{ name: 'ns1.example.localdomain', address: '172.16.0.9' }]),
)

function compiled(model: Model, serial: number, previous?: DnsPlan): DnsPlan {
  const { plan } = compileDns({ ...model, serial }, previous)
  if (plan === undefined) throw new Error('the site serves names')
  return plan
}

/** Of the forward zone and of the reverse zone. */
const serials = ({ zones }: DnsPlan) => zones.slice(0, 2).map(serialOf)

t.test("the serial is the site's, and increases when the content changes", (t) => {
  const before = compiled(guideModel(), 1000)
  t.same(serials(before), [1000, 1000], 'the same file gives the same on every appliance')
  const cases = [
    { name: 'a later file', model: other, serial: 2000, expected: [2000, 2000] },
    { name: 'a later file without a change', model: guideModel(), serial: 2000, expected: [2000, 2000] },
    { name: 'the same file', model: guideModel(), serial: 1000, expected: [1000, 1000] },
    { name: 'a change within the second', model: other, serial: 1000, expected: [1001, 1000] },
    { name: 'an older file is put back', model: other, serial: 500, expected: [1001, 1000] },
    { name: 'an older file that says the same', model: guideModel(), serial: 500, expected: [1000, 1000] },
  ]
  for (const { name, model, serial, expected } of cases) {
    // The change is one of the forward zone, and of the reverse zone where a name leads back.
    const found = serials(compiled(model, serial, before))
    t.equal(found[0], expected[0], name)
    t.equal(found[1] === expected[1] || model === other, true, `${name}, reverse`)
  }
  t.same(serials(compiled(other, 7, undefined)), [7, 7], 'the site may have a number of its own')
  t.end()
})

t.test('serials wrap around (RFC 1982 §3.2)', (t) => {
  const cases = [
    { serial: 1, than: 0, later: true },
    { serial: 0, than: 0, later: false },
    { serial: 0, than: 1, later: false },
    { serial: 5, than: 0xffff_fffe, later: true },
    { serial: 0xffff_fffe, than: 5, later: false },
  ]
  for (const { serial, than, later } of cases)
    t.equal(isNewerSerial(serial, than), later, `${serial} > ${than}`)
  const last = compiled(guideModel(), 0xffff_ffff)
  t.equal(serials(compiled(other, 0xffff_ffff, last))[0], 1, 'after the last comes 1')
  t.end()
})

t.test('a zone without SOA record has serial 0', (t) => {
  t.equal(serialOf({ name: 'example.net', records: [] }), 0)
  t.end()
})

t.test('record data is written as in a master file (RFC 1035 §5.1, RFC 8659 §4.1.1)', (t) => {
  const target = 'm1.example.net'
  const times = { serial: 7, refresh: 1, retry: 2, expire: 3, minimum: 4 }
  const cases: { data: RecordData; text: string }[] = [
    { data: { type: 'A', address: parseIpv4('192.0.2.11')! }, text: '192.0.2.11' },
    { data: { type: 'AAAA', address: parseIpv6('2001:db8::11')! }, text: '2001:db8::11' },
    { data: { type: 'NS', target }, text: 'm1.example.net.' },
    { data: { type: 'CNAME', target }, text: 'm1.example.net.' },
    { data: { type: 'PTR', target }, text: 'm1.example.net.' },
    { data: { type: 'TXT', text: 'say "a\\b" é' }, text: String.raw`"say \"a\\b\" \195\169"` },
    { data: { type: 'TXT', text: 'x'.repeat(256) }, text: `"${'x'.repeat(255)}" "x"` },
    { data: { type: 'SRV', priority: 1, weight: 2, port: 2380, target }, text: '1 2 2380 m1.example.net.' },
    { data: { type: 'MX', preference: 10, target }, text: '10 m1.example.net.' },
    {
      data: { type: 'CAA', isCritical: false, tag: 'issue', value: 'ca.example' },
      text: '0 issue "ca.example"',
    },
    { data: { type: 'CAA', isCritical: true, tag: 'iodef', value: ';' }, text: '128 iodef ";"' },
    {
      data: { type: 'SOA', mname: 'ns1.example.net', rname: 'root.example.net', ...times },
      text: 'ns1.example.net. root.example.net. 7 1 2 3 4',
    },
  ]
  for (const { data, text } of cases) t.equal(rdataText(data), text, data.type)
  t.end()
})

t.test('a zone is written with full names, in columns', (t) => {
  const records = [
    {
      owner: 'example.net',
      ttlSeconds: 3600,
      data: { type: 'MX', preference: 10, target: 'm1.example.net' },
    },
    { owner: 'm1.example.net', ttlSeconds: 60, data: { type: 'A', address: parseIpv4('192.0.2.11')! } },
  ] as const
  t.same(zoneFile({ name: 'example.net', records }).split('\n'), [
    '; zone example.net.',
    'example.net.     3600  IN  MX  10 m1.example.net.',
    'm1.example.net.    60  IN  A   192.0.2.11',
  ])
  t.end()
})
