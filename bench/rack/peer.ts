/** dnsmasq and nginx, configured for the same nodes and files as slipway, each with its fastest settings. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestedServer } from '../benchmark.ts'
import { serverAddress } from '../network.ts'
import { nginxConf } from '../nginx.ts'
import {
  domain,
  gateway,
  image,
  leaseSeconds,
  names,
  loadBalancer,
  relay,
  type Files,
  type Node,
} from '../site.ts'

export const peerName = 'dnsmasq + nginx'

/** The first address, the netmask, and the router of the subnet that dnsmasq serves. */
type Subnet = readonly [first: string, mask: string, router: string]

export const localSubnet: Subnet = ['172.16.0.0', '255.255.248.0', gateway]
const rackSubnet: Subnet = ['172.20.0.0', '255.255.0.0', relay]

export function dnsmasqAndNginx(
  nodes: readonly Node[],
  own: (files: Files) => Files,
  served: Subnet = rackSubnet,
): TestedServer {
  return {
    name: peerName,
    async prepare(files) {
      const { dir, web, tftpRoot } = own(files)
      await mkdir(web, { recursive: true })
      await writeFile(join(web, 'boot.ipxe'), bootScript)
      await writeFile(join(web, 'worker.ign'), '{"ignition":{"version":"3.2.0"}}')
      await writeFile(join(dir, 'dnsmasq.conf'), dnsmasqConf(dir, tftpRoot, served))
      await writeFile(
        join(dir, 'dhcp-hosts'),
        lines(nodes.map((each) => `${each.mac},${each.address},${each.name}`)),
      )
      const hosts = [
        ...nodes.map(({ name, address }) => `${address} ${name}.${domain}`),
        ...names.map(([name, address]) => `${address} ${name}`),
      ]
      await writeFile(join(dir, 'hosts'), lines(hosts))
      await writeFile(join(dir, 'nginx.conf'), nginxConf(dir, web))
    },
    command: (files) => {
      const { dir } = own(files)
      const both =
        'dnsmasq --keep-in-foreground --conf-file="$0/dnsmasq.conf" & exec nginx -e stderr -c "$0/nginx.conf"'
      return ['sh', '-c', both, dir]
    },
  }
}

const lines = (all: readonly string[]) => `${all.join('\n')}\n`

const images = `http://${serverAddress}/images/${image}`

const bootScript = `\
#!ipxe
kernel ${images}/rhcos-live-kernel-x86_64 initrd=main coreos.live.rootfs_url=${images}/rhcos-live-rootfs.x86_64.img coreos.inst.install_dev=/dev/vda coreos.inst.ignition_url=http://${serverAddress}/worker.ign ip=dhcp
initrd --name main ${images}/rhcos-live-initramfs.x86_64.img
boot
`

/** Leases only in memory, and more transfers than its limit of 50. */
function dnsmasqConf(dir: string, tftpRoot: string, [first, mask, router]: Subnet): string {
  return `\
user=root
pid-file=
log-facility=-
bind-interfaces
listen-address=${serverAddress}
no-resolv
no-hosts
addn-hosts=${dir}/hosts
local=/${domain}/
domain=${domain}
address=/apps.${domain}/${loadBalancer.ingress}
dhcp-authoritative
no-ping
leasefile-ro
quiet-dhcp
quiet-tftp
dhcp-lease-max=5000
dhcp-range=${first},static,${mask},${leaseSeconds}
dhcp-hostsfile=${dir}/dhcp-hosts
dhcp-option=option:router,${router}
dhcp-option=option:dns-server,${serverAddress}
dhcp-option=option:ntp-server,${serverAddress}
dhcp-match=set:ipxe,175
dhcp-boot=tag:!ipxe,snponly.efi,,${serverAddress}
dhcp-boot=tag:ipxe,http://${serverAddress}/boot.ipxe
enable-tftp
tftp-root=${tftpRoot}
tftp-max=5000
`
}
