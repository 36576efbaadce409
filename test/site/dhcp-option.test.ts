import t from 'tap'
import { dhcpOptions } from '../../src/site/dhcp-option.ts'

const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex')

const values = [
  { written: { ip: '192.0.2.1' }, octets: 'c0000201' },
  { written: { ip: ['192.0.2.1', '192.0.2.2'] }, octets: 'c0000201c0000202' },
  { written: { u8: 255 }, octets: 'ff' },
  { written: { u16: [68, 1500] }, octets: '004405dc' },
  { written: { u32: 4294967295 }, octets: 'ffffffff' },
  { written: { boolean: true }, octets: '01' },
  { written: { boolean: false }, octets: '00' },
  { written: { text: 'EST5' }, octets: '45535435' },
  { written: { domains: ['a.b', 'b'] }, octets: '016101620001' + '6200' },
  { written: { hex: '01:0a FF' }, octets: '010aff' },
]
for (const { written, octets } of values) {
  t.test(`${JSON.stringify(written)} is ${octets}`, (t) => {
    const [option] = dhcpOptions('bootable').parse([{ code: 224, ...written }])
    t.match(option, { code: 224, always: false })
    t.equal(hex(option?.value ?? new Uint8Array()), octets)
    t.end()
  })
}

t.test('a value has up to 1024 octets', (t) => {
  const refused = (text: string) => dhcpOptions('bootable').safeParse([{ code: 224, text }]).error?.issues
  t.equal(refused('x'.repeat(1024)), undefined)
  t.match(refused('x'.repeat(1025)), [{ path: [0], message: 'expected a value of up to 1024 octets' }])
  t.end()
})

t.test('a host, which does not boot from slipway, can set the options of network boot', (t) => {
  for (const code of [43, 66, 67]) {
    t.equal(dhcpOptions('bootable').safeParse([{ code, u8: 1 }]).success, false)
    t.equal(dhcpOptions('host').safeParse([{ code, u8: 1 }]).success, true)
  }
  t.end()
})
