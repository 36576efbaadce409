/** Compares the replies of the example site with the guide's dhcpd.conf. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import { buildModel } from '../../../src/plan/model.ts'
import { formatIpv4 } from '../../../src/proto/address/ip.ts'
import { macOctets, type Mac } from '../../../src/proto/address/mac.ts'
import { loadSite } from '../../../src/site/load.ts'
import { ask, replyFrom } from '../../support/dhcp-ask.ts'
import { captured } from '../../support/dhcp-captures.ts'

/** The guide's `host … { hardware ethernet …; fixed-address …; }`. */
const fixedAddresses: readonly [name: string, mac: string, address: string][] = [
  ['bs', '00:50:56:96:11:c2', '172.16.0.11'],
  ['m1', '00:50:56:96:37:c8', '172.16.0.21'],
  ['m2', '00:50:56:96:ec:a7', '172.16.0.22'],
  ['m3', '00:50:56:96:e5:2f', '172.16.0.23'],
  ['w1', '00:50:56:96:6b:da', '172.16.0.31'],
  ['w2', '00:50:56:96:c1:c5', '172.16.0.32'],
  ['w3', '00:50:56:96:e3:f5', '172.16.0.33'],
]

const example = await readFile(new URL('../../../config/site.example.yaml', import.meta.url), 'utf8')
const loaded = loadSite(example, '/etc/slipway/site.yaml')
if (loaded.kind === 'problems') throw new Error('the example has problems')
const { plan } = compileDhcp(
  buildModel(loaded.site, { images: new Map(), ignition: new Map(), loaders: new Map() }),
)

/** Returns a captured message with the MAC address of this machine, at offset 28. */
function from(mac: string, capture: string): Uint8Array {
  const packet = captured(capture)
  packet.set(macOctets(mac as Mac), 28)
  return packet
}

/** RFC 2132 §9.5: removes trailing zero octets. */
function text(value: Uint8Array | undefined): string | undefined {
  return value && Buffer.from(value).toString('latin1').replace(/\0+$/, '')
}

for (const [name, mac, address] of fixedAddresses) {
  t.test(`${name} has ${address}, and boots as the guide's class PXEClient defines`, (t) => {
    const boots: readonly [capture: string, file: string, why: string][] = [
      ['OVMF PXE DISCOVER', 'efi/snponly.efi', 'architecture 00:07, first request'],
      [
        'iPXE EFI DISCOVER',
        `http://172.16.0.101/boot/ocp45/${name}/boot.ipxe`,
        'second request, option 77 is iPXE',
      ],
      ['iPXE BIOS (undionly) DISCOVER', `http://172.16.0.101/boot/ocp45/${name}/boot.ipxe`, 'iPXE on BIOS'],
    ]
    for (const [capture, file, why] of boots) {
      const reply = replyFrom(plan, from(mac, capture))
      t.equal(formatIpv4(reply.yiaddr), address, `fixed-address, ${why}`)
      t.equal(formatIpv4(reply.siaddr), '172.16.0.101', `next-server, ${why}`)
      t.equal(reply.file, file, `filename, ${why}`)
      t.equal(text(reply.value(67)), file, `the same in option 67, ${why}`)
    }
    const reply = replyFrom(plan, from(mac, 'OVMF PXE DISCOVER'))
    t.same(reply.value(1), Uint8Array.of(255, 255, 255, 0), 'subnet mask')
    t.same(reply.value(3), Uint8Array.of(172, 16, 0, 254), 'router')
    t.same(reply.value(6), Uint8Array.of(172, 16, 0, 101), 'the appliance is the name server')
    t.equal(text(reply.value(12)), `${name}.ocp45.example.localdomain`, 'host name')
    t.equal(text(reply.value(15)), 'ocp45.example.localdomain', 'domain name')
    t.same(reply.value(42), Uint8Array.of(172, 16, 0, 101), 'time server')
    t.end()
  })
}

t.test('other architectures get a BIOS loader', (t) => {
  // Architecture 0 in option 93 of firmware other than iPXE: changes two octets of the capture.
  const packet = from('00:50:56:96:37:c8', 'OVMF PXE DISCOVER')
  const option93 = Buffer.from(packet).indexOf(Buffer.from([93, 2, 0, 7]))
  t.ok(option93 > 0)
  packet[option93 + 3] = 0
  t.equal(replyFrom(plan, packet).file, 'bios/undionly.kpxe')
  t.end()
})

t.test('unknown-clients are denied', (t) => {
  const { result } = ask(plan, from('00:00:5e:00:53:99', 'OVMF PXE DISCOVER'))
  t.match(result, {
    kind: 'unknown-client',
    about: { reason: 'no reservation for 00:00:5e:00:53:99 on 172.16.0.0/24' },
  })
  t.end()
})
