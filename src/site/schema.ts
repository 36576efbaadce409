/**
 * The site file: everything an operator declares, as one strict schema. Types of the model come from
 * here; what the schema cannot see (duplicates, addresses outside their subnets) is in rules.ts.
 */
import { z } from 'zod'
import { addedFiles } from './added-files.ts'
import { dhcpOptions } from './dhcp-option.ts'
import { dnsSection } from './dns-section.ts'
import { haproxySection, keepalivedSection, tftpSection } from './service-sections.ts'
import {
  bmc,
  cidr,
  consoleDevice,
  diskPath,
  domain,
  fileName,
  imageName,
  interfaceName,
  ips,
  ipv4,
  ipv6,
  kernelArgument,
  label,
  mac,
  path,
  port,
  seconds,
  wholeNumber,
} from './scalars.ts'

export const architectures = ['x86_64', 'aarch64'] as const
export const roles = ['bootstrap', 'master', 'single', 'worker', 'infra'] as const
/** What a node's DHCP answer leads to: its installation, the menu for people, or its local disk. */
export const bootModes = ['install', 'menu', 'local'] as const
/** Who may read Ignition files: the node that is being installed, or anybody. */
export const ignitionAccesses = ['guarded', 'open'] as const
/** Whether certificate requests of declared nodes are approved; dry-run: only said. */
export const approvals = ['declared', 'dry-run', 'off'] as const
/** Who leases a subnet's addresses: this server, or another one beside which it only says what to boot. */
export const dhcpModes = ['full', 'proxy'] as const
/** How a load balancer finds out which nodes are well (docs/decisions/0023). */
export const checkPresets = ['user-managed', 'documented', 'tuned'] as const
export const menuEntries = ['bootstrap', 'master', 'single', 'worker', 'local', 'shell', 'reboot'] as const

export const oneDay = 86_400

/** The same key in several places: of equal codes the one of the narrower place counts. */
const extraOptions = dhcpOptions('bootable').meta({
  description: "more DHCP options; a narrower place's come before a wider one's",
})

const server = z
  .strictObject({
    // Node binds to addresses, so it is only looked for when serving begins (src/host/interface.ts).
    interface: interfaceName
      .optional()
      .meta({ description: 'the interface that faces the nodes; serving ends at once when it is not up' }),
    address: ipv4.meta({ description: 'the address of this machine that nodes talk to' }),
    address6: ipv6
      .optional()
      .meta({ description: 'an IPv6 address of this machine: HTTP listens on it too' }),
    peers: z
      .array(ipv4)
      .default([])
      .meta({ description: 'other slipways with the same site: their answers are no surprise' }),
    ports: z
      .strictObject({
        dhcp: port.default(67).meta({ description: 'where DHCP listens' }),
        dhcpClient: port.default(68).meta({
          description: 'where clients hear replies; another port only to try things out without root',
        }),
        tftp: port.default(69).meta({ description: 'where TFTP listens' }),
        http: port
          .default(80)
          .meta({ description: 'where HTTP listens; another port when HAProxy has 80 of this address' }),
        dns: port.default(53).meta({ description: 'where DNS listens, UDP and TCP' }),
      })
      .prefault({})
      .meta({ description: 'ports other than the usual ones' }),
  })
  .meta({ description: 'the machine that serves: where slipway runs' })

const subnet = z
  .strictObject({
    cidr: cidr.meta({ description: 'the network, attached to this machine or behind a relay' }),
    dhcp: z.enum(dhcpModes).default('full').meta({
      description: 'proxy: another DHCP server leases the addresses, this one only says what to boot',
    }),
    gateway: ipv4.optional().meta({ description: "the nodes' router (DHCP option 3)" }),
    dns: z
      .array(ipv4)
      .min(1)
      .optional()
      .meta({ description: 'the resolvers of nodes (DHCP option 6); this server when absent' }),
    ntp: z.array(ipv4).default([]).meta({ description: 'time servers (DHCP option 42)' }),
    domain: domain
      .optional()
      .meta({ description: "DHCP option 15; a node's is <cluster>.<domain> when absent" }),
    search: z.array(domain).default([]).meta({ description: 'domain search list (DHCP option 119)' }),
    leaseSeconds: seconds(120, 0xfffffffe).default(oneDay).meta({
      description: 'how long an address is lent (DHCP option 51): at least as long as an installation',
    }),
    mtu: wholeNumber(576, 65_535, ' of octets')
      .optional()
      .meta({ description: "the interfaces' MTU (DHCP option 26)" }),
    routes: z
      .array(
        z
          .strictObject({
            to: cidr.meta({ description: 'the network behind it' }),
            via: ipv4.meta({ description: 'its router, in this subnet' }),
          })
          .meta({ description: 'a route' }),
      )
      .default([])
      .meta({ description: 'routes beside the gateway (DHCP options 121, 249 and 33)' }),
    dhcpOptions: extraOptions,
  })
  .meta({ description: 'a network that nodes are in' })

const image = z
  .strictObject({
    dir: path.meta({
      description:
        'the folder with the kernel, the initramfs and the rootfs or metal image, or with agent.* files',
    }),
    architecture: z
      .enum(architectures)
      .default('x86_64')
      .meta({ description: 'of the machines that it is for' }),
    kernel: fileName
      .optional()
      .meta({ description: 'found by name (*live-kernel*, *installer-kernel*) when absent' }),
    initramfs: fileName
      .optional()
      .meta({ description: 'found by name (*live-initramfs*, *installer-initramfs*) when absent' }),
    rootfs: fileName
      .optional()
      .meta({ description: 'found by name (*live-rootfs*) when absent; 4.6 and later' }),
    metal: fileName.optional().meta({ description: 'found by name (*metal*.raw.gz) when absent; 4.5 style' }),
  })
  .meta({ description: 'an RHCOS or FCOS release for network boot' })

const menu = z
  .strictObject({
    default: z
      .enum(menuEntries)
      .default('local')
      .meta({ description: 'the entry that is taken when nobody touches a key' }),
    timeoutSeconds: seconds(0, 86_400).default(30).meta({ description: '0 waits for a key for ever' }),
  })
  .meta({ description: 'the boot menu for people' })

/** What a cluster sets for all its nodes and a node may set for itself. */
const bootSettings = {
  disk: diskPath.optional().meta({ description: 'the disk to install on (coreos.inst.install_dev)' }),
  image: imageName.optional().meta({ description: 'a name under images' }),
  boot: z.enum(bootModes).optional().meta({
    description: 'what a network boot leads to: install (the default), menu, or local for its disk',
  }),
  menu: menu.optional(),
  console: z
    .array(consoleDevice)
    .optional()
    .meta({ description: 'console= arguments; the last one becomes /dev/console' }),
  kernelArguments: z
    .array(kernelArgument)
    .optional()
    .meta({ description: "more kernel arguments; a node's follow its cluster's" }),
  loader: z.enum(['ipxe', 'snponly']).optional().meta({
    description:
      "UEFI boot loader: snponly (the firmware's driver, the default on x86_64) or ipxe (own drivers, the default on aarch64)",
  }),
  pxeOptions: z.boolean().optional().meta({
    description:
      "true: replies to PXE firmware carry PXE's options 60 and 43, and come before another PXE server's",
  }),
  ...addedFiles,
  dhcpOptions: extraOptions,
}

const node = z
  .strictObject({
    name: label.meta({ description: 'its first label: m1 for m1.<cluster>.<domain>', examples: ['m1'] }),
    role: z.enum(roles).meta({
      description:
        'bootstrap, master, worker; infra: installed as a worker, takes the ingress traffic; single: the one control-plane node of a cluster, which bootstraps itself',
    }),
    mac: mac.meta({ description: 'the MAC address of the interface that it boots from' }),
    address: ips.meta({ description: 'one IPv4 address, which DHCP reserves, and IPv6 addresses for DNS' }),
    bmc: bmc.optional().meta({
      description: 'its BMC, as a BareMetalHost names it; only rendered, nothing is switched on from here',
    }),
    balance: z.boolean().default(true).meta({
      description:
        'false: HAProxy gives it no new connections, as for a bootstrap that has done its part; those it has may end',
    }),
    ...bootSettings,
  })
  .meta({ description: 'a machine of this cluster' })

const cluster = z
  .strictObject({
    name: label.meta({
      description: 'its name, as metadata.name in install-config.yaml',
      examples: ['ocp45'],
    }),
    domain: domain.meta({ description: 'the base domain: names are <name>.<cluster>.<domain>' }),
    ignition: path.optional().meta({
      description:
        'the folder with bootstrap.ign, master.ign and worker.ign (of a single node, bootstrap-in-place-for-live-iso.ign); not needed for agent images, nor to add nodes to a cluster that runs (kubeconfig)',
      examples: ['/root/openshift/installdir'],
    }),
    kubeconfig: path.optional().meta({
      description:
        "the cluster's kubeconfig: it is followed, and asked for the Ignition files of added nodes; auth/kubeconfig in the Ignition folder when absent",
    }),
    approve: z.enum(approvals).default('off').meta({
      description:
        "declared: approve the certificate requests of this cluster's nodes; dry-run: only say which; off: leave them to others",
    }),
    loadBalancer: z
      .strictObject({
        api: ips.meta({ description: 'where api.<cluster>.<domain> points' }),
        apiInternal: ips.optional().meta({ description: 'where api-int points; as api when absent' }),
        ingress: ips.meta({ description: 'where *.apps points' }),
        checks: z.enum(checkPresets).default('user-managed').meta({
          description:
            "how HAProxy tests the nodes: by what each service says of itself, as the manual's sample, or quicker and gentler",
        }),
      })
      .optional()
      .meta({
        description: "the addresses of api, api-int and *.apps; those of the role single's node when absent",
      }),
    order: z.boolean().default(true).meta({
      description:
        'masters wait for the bootstrap, others for a master, until it serves 22623; false: all install at once',
    }),
    ignitionAccess: z.enum(ignitionAccesses).default('guarded').meta({
      description:
        'guarded: Ignition files only for the node that is being installed; open: for everybody, in a lab only',
    }),
    callbacks: z.boolean().default(true).meta({
      description: 'false: live systems get no Ignition of ours that reports a written disk',
    }),
    ...bootSettings,
    nodes: z.array(node).min(1).meta({ description: 'its machines' }),
  })
  .meta({ description: 'an OpenShift cluster' })

const host = z
  .strictObject({
    name: domain.meta({ description: 'a fully qualified name', examples: ['ns1.example.localdomain'] }),
    address: ips.meta({ description: 'one address or several, of both families' }),
    mac: mac
      .optional()
      .meta({ description: 'with it, DHCP reserves the first IPv4 address; the machine is not booted' }),
    dhcpOptions: dhcpOptions('host').meta({
      description: 'more DHCP options of its own, 43, 66 and 67 among them: what a switch or a phone needs',
    }),
  })
  .meta({ description: 'any other machine that has a name' })

export const siteSchema = z.strictObject({
  $schema: z.string().optional().meta({ description: 'for editors; not read' }),
  site: label.meta({ description: 'a name for this site', examples: ['ocp45-lab'] }),
  server,
  subnets: z.array(subnet).min(1).meta({ description: 'the networks that nodes are in' }),
  dns: dnsSection.prefault({}),
  tftp: tftpSection.prefault({}),
  images: z
    .record(imageName, image)
    .default({})
    .meta({ description: 'what nodes boot, by a name of your own' }),
  clusters: z.array(cluster).default([]).meta({ description: 'the clusters and their nodes' }),
  hosts: z.array(host).default([]).meta({ description: 'other machines that have names' }),
  haproxy: haproxySection.optional(),
  keepalived: keepalivedSection.optional(),
  dhcpOptions: extraOptions,
})

/** A site as the operator declared it, defaults filled in, every value in its own type. */
export type Site = z.output<typeof siteSchema>
export type Subnet = Site['subnets'][number]
export type Cluster = Site['clusters'][number]
export type Node = Cluster['nodes'][number]
export type Host = Site['hosts'][number]
export type DnsRecord = Site['dns']['records'][number]
export type Image = Site['images'][string]
export type Architecture = (typeof architectures)[number]
export type Role = (typeof roles)[number]
export type CheckPreset = (typeof checkPresets)[number]
export type BootMode = (typeof bootModes)[number]
export type IgnitionAccess = (typeof ignitionAccesses)[number]
export type Approval = (typeof approvals)[number]
export type MenuEntry = (typeof menuEntries)[number]
