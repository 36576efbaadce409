/** A site on the disk that lacks nothing: file, image, Ignition files and loaders, on loopback. */
import { join } from 'node:path'

type Folder = Record<string, string | Record<string, string>>

/** What `t.testdir` makes; change the site's text before, if a test is about it. */
export function siteFolder(site: string = siteText()): Folder {
  return {
    'site.yaml': site,
    image: {
      'rhcos-live-kernel-x86_64': 'kernel',
      'rhcos-live-initramfs.x86_64.img': 'initramfs',
      'rhcos-live-rootfs.x86_64.img': 'rootfs',
    },
    ignition: Object.fromEntries(
      ['bootstrap', 'master', 'worker'].map((kind) => [
        `${kind}.ign`,
        JSON.stringify({ ignition: { version: '3.4.0' }, kind }),
      ]),
    ),
    loaders: { 'undionly.kpxe': 'bios', 'ipxe.efi': 'x64', 'arm64.efi': 'arm64' },
  }
}

export type Ports = {
  readonly dhcp: number
  readonly dhcpClient: number
  readonly tftp: number
  readonly http: number
  readonly dns: number
}

/** @param more lines at the end of the file */
export function siteText(ports?: Ports, more = ''): string {
  return `site: lab
server: { address: 127.0.0.1${ports === undefined ? '' : `, ports: ${JSON.stringify(ports)}`} }
subnets: [{ cidr: 192.0.2.0/24 }]
dns: { forward: [192.0.2.53] }
images: { rhcos: { dir: image } }
tftp: { loaders: { bios: loaders/undionly.kpxe, x64: loaders/ipxe.efi, arm64: loaders/arm64.efi } }
clusters:
  - name: c1
    domain: example.net
    image: rhcos
    ignition: ignition
    disk: /dev/sda
    loadBalancer: { api: 192.0.2.5, ingress: 192.0.2.6 }
    nodes:
      - { name: m1, role: master, mac: "00:00:5e:00:53:01", address: 192.0.2.11 }
      - { name: w1, role: worker, mac: "00:00:5e:00:53:02", address: 192.0.2.21 }
${more}`
}

export function sitePath(folder: string): string {
  return join(folder, 'site.yaml')
}
