/**
 * The section `network` of nodes, applied by NetworkManager: the kernel arguments as nm-initrd-generator reads them in the
 * initramfs of RHCOS, and the keyfiles as the installed system reads them.
 */
import { join } from 'node:path'
import { networkCases, networkNode, type NetworkCase } from '../../../support/network-cases.ts'
import { expectEqual } from '../../expect.ts'
import { applyNetworks, type NetworkToApply } from '../../network-manager/machine.ts'
import { linkLines, routeLines } from '../../network-manager/state.ts'
import type { Check } from '../../runner.ts'

/** In emulation, on a busy machine. */
const limitMs = 300_000

/** The state of each case by its name: interfaces with a purpose, then routes through a router. */
const expected: Readonly<Record<string, readonly string[]>> = {
  'one interface by name, with the resolver and the gateway of the subnet': [
    'eno1: 192.0.2.21/24',
    'default via 192.0.2.1 on eno1',
  ],
  'one interface by MAC address, with both families, two addresses, and its own resolvers and routes': [
    'eno1: mtu 9000, 192.0.2.21/24, 198.51.100.21/25, 2001:db8::21/64',
    '203.0.113.0/24 via 192.0.2.9 on eno1',
    'default via 192.0.2.1 on eno1',
    '2001:db8:1::/48 via 2001:db8::9 on eno1',
    'default via 2001:db8::1 on eno1',
  ],
  'a bond of two named interfaces': [
    'bond0: bond active-backup, 192.0.2.21/24',
    'eno1: port of bond0',
    'eno2: port of bond0',
    'default via 192.0.2.1 on bond0',
  ],
  'a VLAN on a bond with LACP, found by MAC addresses': [
    'bond0.100: vlan 100 on bond0, mtu 9000, 192.0.2.21/24',
    'bond0: bond 802.3ad, mtu 9000',
    'eno1: port of bond0, mtu 9000',
    'eno2: port of bond0, mtu 9000',
    'default via 192.0.2.1 on bond0.100',
  ],
  'a bond with DHCP, and a VLAN with a static address on it': [
    'bond0: bond balance-xor, 192.0.2.21/24',
    'eno1: port of bond0',
    'eno2: port of bond0',
    'vlan7: vlan 7 on bond0, mtu 1400, 198.51.100.21/24',
    'default via 192.0.2.1 on bond0',
  ],
  'a VLAN on an interface that its MAC address identifies': [
    'lan.100: vlan 100 on lan, 192.0.2.21/24',
    'default via 192.0.2.1 on lan.100',
  ],
  'a bridge on a bond, DHCPv4 with a static IPv6 address, and interfaces without addresses': [
    'bond0: bond active-backup, port of br0',
    'br0: bridge, 192.0.2.21/24, 2001:db8::21/64',
    'eno1: port of bond0',
    'eno2: port of bond0',
    'eno3: mtu 9000',
    'default via 192.0.2.1 on br0',
  ],
  'only keyfiles, with names and options that kernel arguments cannot have': [
    'bond0: bond active-backup',
    'br1: bridge',
    'eno1: port of bond0',
    'eno2: port of bond0',
    'eno3: port of br1',
    'storage: vlan 300 on bond0, 192.0.2.21/24',
  ],
  'only kernel arguments, with IPv6 by router advertisements': [
    'eno1: 192.0.2.21/24',
    'default via 192.0.2.1 on eno1',
  ],
}

export const nodeNetworkChecks: readonly Check[] = [
  {
    name: 'shapes: NetworkManager applies the arguments and the keyfiles of each network',
    limitMs: limitMs + 60_000,
    async run(rig) {
      const networks = networkCases.map(networkToApply)
      const lines = await applyNetworks(rig.payload, join(rig.dir, 'node-network'), networks, limitMs)
      let compared = 0
      for (const [index, { name }] of networkCases.entries()) {
        for (const rendering of ['arguments', 'keyfiles']) {
          const printed = (what: string): string | undefined => {
            const start = `${index} ${rendering} ${what} `
            return lines.find((line) => line.startsWith(start))?.slice(start.length)
          }
          const links = printed('addresses')
          if (links === undefined) continue
          compared += 1
          const state = [
            ...linkLines(links),
            ...routeLines(printed('routes') ?? '[]'),
            ...routeLines(printed('routes6') ?? '[]'),
          ]
          // Keyfiles keep the name of an interface that its MAC address identifies, and ifname= changes it.
          const text = state.join('\n').replace('100 on eno1', '100 on lan')
          expectEqual(text, (expected[name] ?? []).join('\n'), `${rendering} of ${JSON.stringify(name)}`)
        }
      }
      expectEqual(compared, 2 * networkCases.length - 2, 'the number of applied networks')
      return `${compared} applied`
    },
  },
]

function networkToApply(each: NetworkCase): NetworkToApply {
  const { kernelArguments, files } = networkNode(each)
  const hasIpv6Address = JSON.stringify(each.network).includes('"2001:db8::21"')
  const keyfiles = files.flatMap(({ path, source }) =>
    path.endsWith('.nmconnection') && source.kind === 'text'
      ? [[path.slice(path.lastIndexOf('/') + 1), source.text] as const]
      : [],
  )
  return {
    arguments: kernelArguments,
    keyfiles: Object.fromEntries(keyfiles),
    addresses: ['192.0.2.21', ...(hasIpv6Address ? ['2001:db8::21'] : [])],
  }
}
