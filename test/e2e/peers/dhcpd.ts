/** ISC dhcpd with the guide's configuration and the machines of this run's site. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses } from '../network.ts'
import type { Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import { client, domain, gateway, leaseSeconds, nodes } from '../site.ts'
import { addPeerAddress } from './address.ts'

/**
 * The guide's class for PXE clients and its fixed addresses. Two additions make the replies comparable: the same server
 * identifier as slipway, because captured REQUESTs contain one server, and broadcast replies, because the client that
 * replays the messages does not have the MAC addresses in them.
 */
const configuration = `authoritative;
always-broadcast on;
server-identifier ${addresses.server};
default-lease-time ${leaseSeconds};
max-lease-time ${leaseSeconds};
option architecture code 93 = unsigned integer 16;

class "pxeclients" {
  match if substring (option vendor-class-identifier, 0, 9) = "PXEClient";
  next-server ${addresses.server};
  if exists user-class and option user-class = "iPXE" {
    filename "http://${addresses.server}/boot/ocp45/${nodes.bs.name}/boot.ipxe";
  } elsif option architecture = 00:07 {
    filename "efi/snponly.efi";
  } else {
    filename "bios/undionly.kpxe";
  }
}

subnet 172.16.0.0 netmask 255.255.255.0 {
  deny unknown-clients;
  option routers ${gateway};
  option broadcast-address 172.16.0.255;
  option domain-name-servers ${addresses.server};
  option domain-name "${domain}";
  option domain-search "example.localdomain";
  option ntp-servers ${addresses.server};
  option dhcp-renewal-time ${leaseSeconds / 2};
  option dhcp-rebinding-time ${(leaseSeconds * 7) / 8};
  host ${nodes.bs.name} {
    hardware ethernet ${nodes.bs.mac};
    fixed-address ${nodes.bs.address};
    option host-name "${nodes.bs.name}.${domain}";
  }
  host client {
    hardware ethernet ${client.mac};
    fixed-address ${client.address};
    option host-name "${client.name}";
  }
}
`

export async function startDhcpd(rig: Rig): Promise<Running> {
  await addPeerAddress(rig)
  const dir = join(rig.dir, 'dhcpd')
  await mkdir(dir, { recursive: true })
  const [file, leases] = [join(dir, 'dhcpd.conf'), join(dir, 'leases')]
  await writeFile(file, configuration)
  await writeFile(leases, '')
  const options = ['-4', '-f', '-d', '--no-pid', '-cf', file, '-lf', leases, 'mach0']
  // By its path: the npm package dhcp has a command with the same name, which comes first in the PATH of npm scripts.
  return rig.start('machines', 'dhcpd', ['/usr/sbin/dhcpd', ...options])
}
