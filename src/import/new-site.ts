/** The text of a new site without nodes, with a cluster as a comment. Pure. */
import { cidrContains, formatCidr, formatIpv4, parseLooseCidr, type Ipv4 } from '../proto/address/ip.ts'
import { defined } from '../text/defined.ts'
import { writeSite } from './write.ts'

export type Answers = {
  readonly address: string
  readonly subnet: string
  /** An address, or `none`. */
  readonly gateway: string
  /** An address, or `none`. */
  readonly forward: string
  /** `<name>.<domain>` */
  readonly cluster: string
}

/** @param device interface that has the address; the systemd units need it */
export function newSite(
  { address, subnet, gateway, forward, cluster }: Answers,
  device: string | undefined,
): string {
  const [name = '', ...domain] = cluster.toLowerCase().split('.')
  const cidr = parseLooseCidr(subnet)
  const site = {
    site: name,
    server: { ...defined({ interface: device }), address },
    subnets: [
      {
        // Host bits are cleared, as in the address of an interface.
        cidr: cidr === undefined ? subnet : formatCidr(cidr),
        ...defined({ gateway: gateway === 'none' ? undefined : gateway }),
      },
    ],
    ...(forward === 'none' ? {} : { dns: { forward: [forward] } }),
  }
  const comments = new Map([
    ['server', 'This machine: DHCP, TFTP, HTTP, and DNS listen on this address.'],
    ['subnets', 'The networks of the nodes.'],
    ['dns', 'Resolvers for all other names: nodes need quay.io, or your mirror registry.'],
  ])
  const header = 'yaml-language-server: $schema=./site.schema.json'
  const footer = clusterLines(name, domain.join('.'), exampleAddresses(subnet, address, gateway)).join('\n')
  return writeSite(site, comments, { header, footer })
}

/** Returns free addresses of the subnet for the example. */
function exampleAddresses(subnet: string, ...used: readonly string[]): string[] {
  const cidr = parseLooseCidr(subnet)
  const start = cidr?.network ?? 0xac100000
  return Array.from({ length: 40 }, (_, index) => (start + 10 + index) as Ipv4)
    .filter((each) => cidr === undefined || cidrContains(cidr, each))
    .map(formatIpv4)
    .filter((each) => !used.includes(each))
}

function clusterLines(name: string, domain: string, addresses: readonly string[]): string[] {
  const at = (index: number) => addresses[index] ?? '172.16.0.10'
  const node = (label: string, role: string, index: number) =>
    `      - { name: ${label}, role: ${role}, mac: "", address: ${at(index)} }`
  return [
    'The cluster. "slipway images add" downloads the image; "slipway nodes" lists the MAC addresses of machines that',
    'tried to boot. Fill in the values and uncomment the lines (remove each leading #). Without HAProxy on this machine,',
    'omit the last line.',
    '',
    'images:',
    '  rhcos: { dir: /var/lib/slipway/images/rhcos }',
    '',
    'clusters:',
    `  - name: ${name}`,
    `    domain: ${domain}`,
    '    image: rhcos',
    `    ignition: /var/lib/slipway/ignition/${name}`,
    '    disk: /dev/sda',
    `    loadBalancer: { api: ${at(0)}, ingress: ${at(1)} }`,
    '    nodes:',
    node('bs', 'bootstrap', 2),
    node('m1', 'master', 3),
    node('m2', 'master', 4),
    node('m3', 'master', 5),
    node('w1', 'worker', 6),
    node('w2', 'worker', 7),
    '',
    'haproxy: { file: /var/lib/slipway/haproxy.cfg }',
  ]
}
