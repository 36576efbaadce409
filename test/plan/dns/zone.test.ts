import t from 'tap'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { isNewerSerial, serialOf } from '../../../src/plan/dns/zone.ts'
import type { Model } from '../../../src/plan/model.ts'
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

t.test('the serial is the site’s, and increases when the content changes', (t) => {
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
