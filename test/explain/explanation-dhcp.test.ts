import t from 'tap'
import { offersTo, valueText } from '../../src/explain/explanation.ts'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { hex } from '../support/hex.ts'
import { exampleModel } from '../support/model.ts'

const values = [
  { name: 'a message type by its name', code: 53, value: '02', text: 'OFFER' },
  { name: 'a message type without a name', code: 53, value: '63', text: '99' },
  { name: 'one address', code: 1, value: 'ff ff ff 00', text: '255.255.255.0' },
  {
    name: 'addresses in their order',
    code: 6,
    value: 'c0 00 02 02 c0 00 02 01',
    text: '192.0.2.2, 192.0.2.1',
  },
  { name: 'seconds with their unit', code: 51, value: '00 01 51 80', text: '86400 s' },
  { name: 'text without the NUL at its end', code: 67, value: '61 2e 65 66 69 00', text: 'a.efi' },
  {
    name: 'an option of iPXE by its name in iPXE',
    code: 175,
    value: 'b0 01 01 13 01 00',
    text: 'no-pxedhcp=1, 19=0',
  },
  { name: 'names one after the other', code: 119, value: '01 61 00 01 62 01 63 00', text: 'a, b.c' },
  {
    name: 'a name that ends in an earlier one (RFC 1035 §4.1.4)',
    code: 119,
    value: '01 61 00 01 62 c0 00',
    text: 'a, b.a',
  },
  { name: 'a pointer that does not lead back ends its name', code: 119, value: '01 61 c0 02', text: 'a' },
  { name: 'a name that is cut short', code: 119, value: '01 61 c0', text: 'a' },
  { name: 'octets of a type without a format', code: 97, value: '00 0a', text: '00 0a' },
  { name: 'an unknown option', code: 250, value: 'ff', text: 'ff' },
]

for (const { name, code, value, text } of values) {
  t.test(name, (t) => {
    t.equal(valueText({ code, value: hex(value) }), text)
    t.end()
  })
}

t.test('beside another DHCP server, a node gets a boot file and no address', (t) => {
  const model = exampleModel()
  const nodes = model.nodes.map((node) => ({
    ...node,
    loader: 'ipxe' as const,
    subnet: { ...node.subnet!, dhcp: 'proxy' as const },
  }))
  const subnets = nodes.map(({ subnet }) => subnet).slice(0, 1)
  const { plan } = compileDhcp({ ...model, nodes, site: { ...model.site, subnets } })
  const offers = offersTo(plan, '00:00:5e:00:53:11' as Mac)
  t.same(
    offers.map(({ address, bootFile, options }) => [
      address,
      bootFile,
      options.some(({ code }) => code === 43),
    ]),
    [
      [undefined, 'bios/undionly.kpxe', true],
      [undefined, 'efi/ipxe.efi', false],
      [undefined, 'arm64/ipxe.efi', false],
      [undefined, 'http://192.0.2.2/boot/ocp45/m1/boot.ipxe', true],
    ],
  )
  t.end()
})

t.test('an undeclared machine gets no offer, with the reason', (t) => {
  const { plan } = compileDhcp(exampleModel())
  t.same(offersTo(plan, '00:00:5e:00:53:99' as Mac)[0], {
    client: 'BIOS firmware (architecture 0)',
    reason: 'no reservation for 00:00:5e:00:53:99 on 192.0.2.0/24',
    options: [],
  })
  t.end()
})
