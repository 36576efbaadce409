/** Firmware that does not identify itself: only the site shows what it is. */
import t from 'tap'
import { bootClientOf } from '../../../src/serve/dhcp/silent-firmware.ts'
import { observationOf } from '../../../src/serve/dhcp/observe.ts'
import { respond } from '../../../src/serve/dhcp/respond.ts'
import { maxReplyOctets } from '../../../src/serve/dhcp/reply.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import type { BootFile, NodeBoot } from '../../../src/plan/dhcp/plan.ts'
import type { BootClient } from '../../../src/plan/dhcp/boot-table.ts'
import { encodeMessage, type DhcpMessage } from '../../../src/proto/dhcp/message.ts'
import type { Ipv4 } from '../../../src/proto/address/ip.ts'
import { macOctets, type Mac } from '../../../src/proto/address/mac.ts'
import { otherArchitectureModel } from '../../support/other-architecture.ts'

const silent: BootClient = { protocol: undefined, architectures: [], isIpxe: false, takesScript: false }
const file: BootFile = { name: 'image-rhcos/core.elf', file: 'image-rhcos/core.elf', options: [] }
const boot: NodeBoot = {
  script: { ...file, name: 'script' },
  silentArchitecture: 12,
  loaderByArchitecture: new Map([[12, file]]),
}
const wanted = Uint8Array.of(1, 3, 66, 67)

t.test('a silent client that requests a boot file is the firmware of the node', (t) => {
  const firmware = { ...silent, protocol: 'PXEClient', architectures: [12] }
  t.same(bootClientOf({ client: silent, parameterList: wanted }, boot), firmware)
  // The firmware of s390x sends its architecture, but no vendor class.
  const z = { ...silent, architectures: [31] }
  const zBoot = { ...boot, silentArchitecture: 31 }
  t.same(bootClientOf({ client: z, parameterList: wanted }, zBoot), { ...firmware, architectures: [31] })
  t.end()
})

t.test('systems, iPXE, other nodes, and hosts stay what they are', (t) => {
  const same = (client: BootClient, list: Uint8Array | undefined, of: NodeBoot | undefined) =>
    t.equal(bootClientOf({ client, parameterList: list }, of), client)
  same(silent, Uint8Array.of(1, 3, 6), boot)
  same(silent, undefined, boot)
  same({ ...silent, isIpxe: true }, wanted, boot)
  same({ ...silent, protocol: 'PXEClient', architectures: [7] }, wanted, boot)
  same(silent, wanted, { script: boot.script, loaderByArchitecture: boot.loaderByArchitecture })
  same(silent, wanted, undefined)
  t.end()
})

/** A DISCOVER of `ocp45/m1` as SLOF sends it. */
function discover(parameters: readonly number[]): Uint8Array {
  const none = 0 as Ipv4
  const chaddr = new Uint8Array(16)
  chaddr.set(macOctets('00:00:5e:00:53:11' as Mac))
  const message: DhcpMessage = {
    ...{ op: 1, htype: 1, hlen: 6, hops: 0, xid: 1, secs: 0, flags: 0, chaddr, sname: '', file: '' },
    ...{ ciaddr: none, yiaddr: none, siaddr: none, giaddr: none },
    options: [
      { code: 53, value: Uint8Array.of(1) },
      { code: 55, value: Uint8Array.from(parameters) },
    ],
  }
  const out = new Uint8Array(maxReplyOctets)
  return out.subarray(0, encodeMessage(message, out))
}

t.test('SLOF is offered GRUB, and the exchange is one of firmware; a system gets no boot file', (t) => {
  const { plan } = compileDhcp(otherArchitectureModel('ppc64le'))
  const received = (parameters: readonly number[]) => {
    const datagram = { payload: discover(parameters), address: '0.0.0.0', port: plan.clientPort }
    const result = respond(datagram, 'broadcast', plan, new Uint8Array(maxReplyOctets))
    const { about } = result as { about: { bootFile?: string; architecture?: number } }
    const seen = observationOf(result, { ...datagram, port: 68 }, plan)
    return {
      file: about.bootFile,
      architecture: about.architecture,
      asker: seen && 'asker' in seen && seen.asker,
    }
  }
  t.same(received([1, 3, 66, 67, 209, 210]), {
    file: 'image-rhcos/core.elf',
    architecture: 12,
    asker: 'firmware',
  })
  t.same(received([1, 3, 6, 12]), { file: undefined, architecture: undefined, asker: 'system' })
  t.end()
})
