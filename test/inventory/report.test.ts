import fc from 'fast-check'
import t from 'tap'
import { parseReport } from '../../src/inventory/report.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { exampleReport } from '../support/inventory-report.ts'
import { guest } from '../support/inventory-site.ts'

const parse = (report: unknown) => parseReport(JSON.stringify(report), guest as Mac)

t.test('a report keeps what it knows', (t) => {
  t.match(parse(exampleReport), {
    ...exampleReport,
    interfaces: [{ mac: guest }, { mac: '52:54:00:00:00:0a' }],
  })
  const least = { version: 1, interfaces: [{ mac: guest }], disks: [] }
  t.match(parse(least), { interfaces: [{ mac: guest }], disks: [] })
  t.equal(parse({ ...least, bmc: {} })?.bmc?.address, undefined, 'a BMC without a known address')
  t.end()
})

t.test('text is short and printable, and an empty one is absent', (t) => {
  const report = parse({
    ...exampleReport,
    vendor: '  \u001b[31mDell\nInc.\u202e ',
    product: 'x'.repeat(1000),
    serial: '  ',
    bmc: { address: '$(reboot)' },
    extra: 'dropped',
  })
  t.equal(report?.vendor, '?[31mDell?Inc.?')
  t.equal(report?.product?.length, 120)
  t.equal(report?.serial, undefined)
  t.equal(report?.bmc?.address, undefined)
  t.notOk('extra' in (report ?? {}))
  t.end()
})

const invalid = {
  'another version': { version: 2 },
  'no interfaces': { interfaces: [] },
  'the interfaces of another machine': { interfaces: [{ mac: '52:54:00:00:00:77' }] },
  'a MAC address that is not one': { interfaces: [{ mac: guest }, { mac: 'x' }] },
  'too many interfaces': { interfaces: Array.from({ length: 65 }, () => ({ mac: guest })) },
  'too many disks': { disks: Array.from({ length: 129 }, () => ({ name: '/dev/sda', bytes: 1 })) },
  'a disk outside of /dev': { disks: [{ name: '/etc/passwd', bytes: 1 }] },
  'a disk with a newline': { disks: [{ name: '/dev/sda\nx', bytes: 1 }] },
  'a negative size': { disks: [{ name: '/dev/sda', bytes: -1 }] },
  'a size that is not a number': { disks: [{ name: '/dev/sda', bytes: '1' }] },
  'text that is too long': { vendor: 'x'.repeat(1001) },
}
for (const [name, change] of Object.entries(invalid)) {
  t.test(`a report with ${name} is not accepted`, (t) => {
    t.equal(parse({ ...exampleReport, ...change }), undefined)
    t.end()
  })
}

t.test('text that is not JSON is not a report', (t) => {
  t.equal(parseReport('{"version":1', guest as Mac), undefined)
  t.end()
})

t.test('no JSON value makes the parser throw', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      parse(value)
      parse({ ...exampleReport, disks: value })
    }),
  )
  t.end()
})
