/**
 * The site file: everything an operator declares, as one strict schema. Types of the model come from
 * here; what the schema cannot see (duplicates, addresses outside their subnets) is in rules.ts.
 */
import { z } from 'zod'
import { cidr, domain, ip, ips, ipv4, kernelArgument, label, mac, path, port, seconds } from './scalars.ts'

export const architectures = ['x86_64', 'aarch64'] as const
export const roles = ['bootstrap', 'master', 'worker', 'infra'] as const
/** What a node's DHCP answer leads to: its installation, the menu for people, or its local disk. */
export const bootModes = ['install', 'menu', 'local'] as const
export const menuEntries = ['bootstrap', 'master', 'worker', 'local', 'shell', 'reboot'] as const

const oneDay = 86_400

const server = z.strictObject({
  /** Only named to people (in `check` and in the systemd socket units); Node binds to addresses. */
  interface: z
    .string()
    .regex(/^[^\s/]{1,15}$/, 'expected an interface name of up to 15 characters')
    .optional()
    .meta({ description: 'the interface that faces the nodes' }),
  address: ipv4.meta({ description: 'the address of this machine that nodes talk to' }),
  ports: z
    .strictObject({
      dhcp: port.default(67),
      dhcpClient: port.default(68).meta({ description: 'another one only to try things out without root' }),
      tftp: port.default(69),
      http: port.default(80),
      dns: port.default(53),
    })
    .prefault({})
    .meta({ description: 'ports other than the usual ones' }),
})

const subnet = z.strictObject({
  cidr,
  gateway: ipv4.optional().meta({ description: 'option 3' }),
  dns: z.array(ipv4).min(1).optional().meta({ description: 'option 6; this server when absent' }),
  ntp: z.array(ipv4).default([]).meta({ description: 'option 42' }),
  domain: domain.optional().meta({ description: "option 15; a node's is <cluster>.<domain> when absent" }),
  search: z.array(domain).default([]).meta({ description: 'option 119' }),
  leaseSeconds: seconds(120, 0xfffffffe).default(oneDay).meta({ description: 'option 51' }),
})

const dns = z.strictObject({
  serve: z.boolean().default(true).meta({ description: 'false: names are served elsewhere' }),
  forward: z.array(ip).default([]).meta({ description: 'resolvers for all other names' }),
  clients: z
    .array(cidr)
    .optional()
    .meta({ description: 'who may ask for other names; the subnets when absent' }),
  nameServers: z.array(domain).min(1).optional().meta({ description: 'NS; ns1.<zone> when absent' }),
  contact: domain.optional().meta({ description: 'mailbox of the SOA; root.<zone> when absent' }),
  ttlSeconds: seconds(0, 604_800).default(3600),
})

const fileName = z.string().regex(/^[^./][^/]*$/, 'expected the name of a file inside dir')

const image = z.strictObject({
  dir: path,
  architecture: z.enum(architectures).default('x86_64'),
  kernel: fileName
    .optional()
    .meta({ description: 'found by name (*live-kernel*, *installer-kernel*) when absent' }),
  initramfs: fileName.optional().meta({ description: 'found by name (*initramfs*) when absent' }),
  rootfs: fileName
    .optional()
    .meta({ description: 'found by name (*live-rootfs*) when absent; 4.6 and later' }),
  metal: fileName.optional().meta({ description: 'found by name (*metal*.raw.gz) when absent; 4.5 style' }),
})

const menu = z.strictObject({
  default: z.enum(menuEntries).default('local'),
  timeoutSeconds: seconds(0, 86_400).default(30).meta({ description: '0 waits for a key for ever' }),
})

/** What a cluster sets for all its nodes and a node may set for itself. */
const bootSettings = {
  disk: z
    .string()
    .regex(/^\/dev\/[\x21-\x7e]+$/, 'expected a device path such as /dev/sda or /dev/disk/by-id/…')
    .optional()
    .meta({ description: 'coreos.inst.install_dev' }),
  image: z.string().optional().meta({ description: 'a name under images' }),
  boot: z.enum(bootModes).optional(),
  menu: menu.optional(),
  console: z
    .array(kernelArgument)
    .optional()
    .meta({ description: 'console= arguments, last one is /dev/console' }),
  kernelArguments: z.array(kernelArgument).optional(),
  loader: z.enum(['ipxe', 'snponly']).optional().meta({ description: 'UEFI boot loader; ipxe when absent' }),
}

const node = z.strictObject({
  name: label,
  role: z.enum(roles),
  mac,
  address: ips.meta({ description: 'one IPv4 address, which DHCP reserves, and IPv6 addresses for DNS' }),
  ...bootSettings,
})

const cluster = z.strictObject({
  name: label,
  domain: domain.meta({ description: 'base domain: names are <name>.<cluster>.<domain>' }),
  ignition: path.meta({ description: 'directory with bootstrap.ign, master.ign and worker.ign' }),
  loadBalancer: z
    .strictObject({ api: ips, apiInternal: ips.optional(), ingress: ips })
    .meta({ description: 'addresses of api, api-int (those of api when absent) and *.apps' }),
  ...bootSettings,
  nodes: z.array(node).min(1),
})

const host = z.strictObject({
  name: domain.meta({ description: 'fully qualified' }),
  address: ips,
  mac: mac
    .optional()
    .meta({ description: 'with it, DHCP reserves the IPv4 address; the machine is not booted' }),
})

const tftp = z.strictObject({
  root: path.optional().meta({ description: 'a directory of your own files, served beside the loaders' }),
  loaders: z
    .strictObject({ bios: path.optional(), x64: path.optional(), arm64: path.optional() })
    .prefault({})
    .meta({ description: 'loader files; those of the ipxe package when absent' }),
})

const haproxy = z.strictObject({
  file: path.meta({ description: 'where the configuration is written' }),
  reload: z.string().min(1).optional().meta({ description: 'command that is run after the file changed' }),
})

export const siteSchema = z.strictObject({
  $schema: z.string().optional(),
  site: label.meta({ description: 'a name for this site' }),
  server,
  subnets: z.array(subnet).min(1),
  dns: dns.prefault({}),
  tftp: tftp.prefault({}),
  images: z.record(label.or(z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i)), image).default({}),
  clusters: z.array(cluster).default([]),
  hosts: z.array(host).default([]),
  haproxy: haproxy.optional(),
})

/** A site as the operator declared it, defaults filled in, every value in its own type. */
export type Site = z.output<typeof siteSchema>
export type Subnet = Site['subnets'][number]
export type Cluster = Site['clusters'][number]
export type Node = Cluster['nodes'][number]
export type Host = Site['hosts'][number]
export type Image = Site['images'][string]
export type Architecture = (typeof architectures)[number]
export type Role = (typeof roles)[number]
export type BootMode = (typeof bootModes)[number]
export type MenuEntry = (typeof menuEntries)[number]
