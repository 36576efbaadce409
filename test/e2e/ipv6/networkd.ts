/** systemd-networkd as a DHCPv6 client: without systemd, in a mount namespace, because it keeps its state in /run. */
import { expectEqual, expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { flushAddresses, setMac } from './clients.ts'
import {
  clientInterface,
  nodes6,
  searchDomain,
  serverAddress6,
  type Ipv6Namespace,
  type Ipv6Rig,
} from './rig.ts'

/** Like the default of networkd, which is an enterprise number and a hash of the machine ID. */
const networkdDuid = '00:02:00:00:ab:11:a1:b2:c3:d4:e5:f6:07:18'

export const networkdCheck6: Check<Ipv6Rig> = {
  name: 'ipv6: systemd-networkd gets its reserved address, name servers, and search list',
  limitMs: 60_000,
  async run(rig) {
    await flushAddresses(rig)
    const since = rig.server.lines.length
    try {
      const output = await networkd(rig, 'client', {
        interface: clientInterface,
        address: nodes6.client.address,
        network: ['IPv6AcceptRA=yes'],
      })
      expectMatch(output, /Received Router Advertisement: flags MANAGED/, 'systemd-networkd')
      expectState(output, nodes6.client.address)
    } finally {
      await setMac(rig, nodes6.client.mac)
    }
    await rig.server.waitFor(
      `the request of ${networkdDuid}`,
      ({ text, mac, msg }) =>
        mac === nodes6.client.mac && msg === 'IPv6 address acknowledged' && text.includes(networkdDuid),
      { since },
    )
    return `DUID ${networkdDuid}`
  },
}

/** The state file of the link, which `networkctl` shows, and the addresses of the interface. */
export function expectState(output: string, address: string): void {
  expectMatch(output, new RegExp(`inet6 ${address}/128 `), 'the addresses of the interface')
  for (const [name, wanted] of [
    ['DNS', serverAddress6],
    ['DOMAINS', searchDomain],
  ] as const) {
    expectEqual(new RegExp(`^${name}=(.*)$`, 'm').exec(output)?.[1]?.trim(), wanted, name)
  }
}

/**
 * Runs systemd-networkd until the interface has the address, at most 20 s.
 *
 * @param settings lines of the section Network, and of DHCPv6
 * @returns its messages, its state of the link, and the addresses of the interface
 */
export async function networkd(
  rig: Ipv6Rig,
  namespace: Ipv6Namespace,
  settings: {
    readonly interface: string
    readonly address: string
    readonly network: readonly string[]
    readonly dhcpv6?: readonly string[]
  },
): Promise<string> {
  const { network, dhcpv6 = [], address } = settings
  const configuration = [
    ...['[Match]', `Name=${settings.interface}`],
    ...['[Network]', 'DHCP=ipv6', 'LinkLocalAddressing=ipv6', ...network],
    // The name servers and the search list must come by DHCPv6.
    ...['[IPv6AcceptRA]', 'UseDNS=no', 'UseDomains=no'],
    ...[
      '[DHCPv6]',
      'UseDomains=yes',
      'DUIDType=vendor',
      `DUIDRawData=${networkdDuid.slice('00:02:'.length)}`,
      ...dhcpv6,
    ],
  ]
  const command = ['unshare', '-m', 'sh', '-c', script, settings.interface, address, ...configuration]
  return (await rig.run(namespace, command, { limitMs: 40_000 })).stdout
}

/** networkd waits for udev, unless /sys is read-only as in a container. */
const script = `
set -e
mount -t tmpfs none /run
mount -o remount,ro,bind /sys
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
chown -R systemd-network: /run/systemd/netif
address=$1; shift
printf '%s\\n' "$@" >/run/systemd/network/10-e2e.network
SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-networkd 2>&1 &
for try in $(seq 100); do
  ip -6 -o addr show dev "$0" scope global | grep -q " $address/" && grep -q '^DNS=.' /run/systemd/netif/links/* && break
  sleep 0.2
done
cat /run/systemd/netif/links/*
ip -6 -o addr show dev "$0"
kill $! && wait $! || true
`
