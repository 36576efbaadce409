/**
 * The attacker over UDP. Its namespace has all addresses of the site and answers no ARP request, so that it can send from
 * addresses of other machines and from addresses that no machine has. Arguments: attack, seconds, packets per second,
 * server, full name of a node. Prints when it started and ended, and how many packets it sent.
 */
import { nodes, type Node } from '../site.ts'
import { discover, dnsQuery, inform, openUdp, renew, tftpRequest } from './packets.ts'

export type Flood = { readonly startedAt: number; readonly endedAt: number; readonly sent: number }

type Attack = {
  /** The addresses from which it sends. */
  readonly from: readonly string[]
  readonly fromPort?: number
  readonly to: 53 | 67 | 69
  /** How many ports of each address it uses. */
  readonly ports?: number
  readonly packet: (index: number, name: string) => Buffer
}

/** In the subnet of the site, and not in use. */
const unused = Array.from({ length: 80 }, (_, index) => `172.16.5.${index + 1}`)
/** The measured node. */
const [measured] = nodes as [Node]
/** Declared nodes that are switched off. */
const off: readonly Node[] = nodes.slice(100, 180)
const offAt = (index: number) => off[index % off.length] as Node
const offAddresses = off.map(({ address }) => address)
/** Not the address of a node: it has no part in these attacks. */
export const undeclaredAddress = '172.16.7.242'
const anyAddress = [undeclaredAddress]

export const udpAttacks: Readonly<Record<string, Attack>> = {
  /** Queries whose replies go to addresses that no machine has. */
  'dns-unused-addresses': { from: unused, to: 53, packet: dnsQuery },
  /** DHCPINFORM in the name of nodes that are switched off. */
  'dhcp-inform': {
    ...{ from: offAddresses, fromPort: 68, to: 67 },
    packet: (index) => inform({ mac: offAt(index).mac, xid: index, ciaddr: offAt(index).address }),
  },
  /** The same with requests that extend a lease. */
  'dhcp-renew': {
    ...{ from: offAddresses, fromPort: 68, to: 67 },
    packet: (index) => renew({ mac: offAt(index).mac, xid: index, ciaddr: offAt(index).address }),
  },
  /** Each DHCPDISCOVER from another undeclared machine. */
  'dhcp-unknown-machines': {
    ...{ from: anyAddress, fromPort: 68, to: 67 },
    packet: (index) => discover({ mac: `02:00:${octets(index)}`, xid: index }),
  },
  /** One declared machine, which describes itself in another way each time. */
  'dhcp-changing-options': {
    ...{ from: anyAddress, fromPort: 68, to: 67 },
    packet: (index) =>
      discover({
        ...{ mac: offAt(0).mac, xid: index },
        firmware: {
          vendorClass: `PXEClient:Arch:00007:UNDI:${index}`,
          architecture: [0, 7, 9, 16][index % 4] ?? 0,
        },
      }),
  },
  /** Declared machines in turn, as iPXE: evidence of a boot, which slipway records. */
  'dhcp-ipxe': {
    ...{ from: anyAddress, fromPort: 68, to: 67 },
    packet: (index) => discover({ mac: offAt(index).mac, xid: index, isIpxe: true }),
  },
  /** Read requests in the name of the measured node, each from another port. */
  'tftp-forged-node': {
    ...{ from: [measured.address], ports: 500, to: 69 },
    packet: () => tftpRequest('small.txt'),
  },
  /** Read requests for a file that does not exist, from addresses that no machine has. */
  'tftp-missing-file': { from: unused, to: 69, packet: () => tftpRequest('missing.efi') },
}

async function send(
  { from, fromPort = 0, to, ports = 1, packet }: Attack,
  seconds: number,
  rate: number,
  server: string,
  name: string,
): Promise<Flood> {
  const addresses = Array.from({ length: ports }, () => from).flat()
  const sockets = await Promise.all(addresses.map((address) => openUdp(address, fromPort)))
  const startedAt = Date.now()
  const start = performance.now()
  let sent = 0
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - start) {
    for (const due = (elapsed * rate) / 1000; sent < due; sent++) {
      sockets[sent % sockets.length]?.send(packet(sent, name), to, server)
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return { startedAt, endedAt: Date.now(), sent }
}

const octets = (value: number) =>
  [24, 16, 8, 0].map((bits) => ((value >>> bits) & 255).toString(16).padStart(2, '0')).join(':')

if (import.meta.main) {
  const [name = '', seconds = '5', rate = '5000', server = '', nodeName = ''] = process.argv.slice(2)
  const attack = udpAttacks[name]
  if (attack === undefined) throw new Error(`unknown attack ${JSON.stringify(name)}`)
  const flood = await send(attack, Number(seconds), Number(rate), server, nodeName)
  process.stdout.write(JSON.stringify(flood), () => process.exit())
}
