/**
 * The strict schema of the site file. The types of the model come from here. Constraints that a schema cannot express
 * (duplicates, addresses outside their subnets) are in rules/.
 */
import { z } from 'zod'
import { apiSection } from './api-section.ts'
import { assistedSection } from './assisted-section.ts'
import { bmcDefaults, nodeBmc } from './bmc-section.ts'
import { dhcpOptions } from './dhcp-option.ts'
import { diskSettings } from './disk-section.ts'
import { dnsSection } from './dns-section.ts'
import { httpSection, httpTemplates } from './files-section.ts'
import { groupSection, omit } from './groups-section.ts'
import { architectures, imageSection } from './images-section.ts'
import { hooksSection } from './hooks-section.ts'
import { inventorySection } from './inventory-section.ts'
import { haproxySection, loadBalancer } from './load-balancing.ts'
import { menuSection, siteMenu, type menuEntries } from './menu-section.ts'
import { networkSection } from './network-section.ts'
import {
  keepalivedSection,
  storeSection,
  tftpSection,
  extraOptions,
  serverSection,
  subnetSection,
} from './sections.ts'
import { scriptKey } from './script-section.ts'
import { subnet6Section } from './subnet6-section.ts'
import { syslogSection } from './syslog-section.ts'
import {
  consoleDevice,
  domain,
  duid,
  imageName,
  ips,
  kernelArgument,
  label,
  mac,
  oneOrMore,
  path,
  nodeFilePath,
  octalMode,
} from './scalars.ts'

export { architectures }
export const roles = ['bootstrap', 'master', 'arbiter', 'single', 'worker', 'infra'] as const
const loaders = ['ipxe', 'snponly', 'shim', 'grub', 'shim-ipxe', 'pxelinux', 'u-boot', 'auto'] as const
/** What a network boot leads to: the installation, the interactive menu, the local disk; none: slipway never answers the machine. */
const bootModes = ['install', 'menu', 'local', 'none'] as const
/** Who may read Ignition files: only the node that is being installed, or any client. */
export const ignitionAccesses = ['guarded', 'open'] as const
/** Whether certificate requests of declared nodes are approved; dry-run only logs the decision. */
export const approvals = ['declared', 'dry-run', 'off'] as const
/** Whether an installation may overwrite a disk that holds data without asking an administrator. */
export const wipeModes = ['ask', 'always'] as const

/** A file on the node; exactly one of `contents` and `from` is set. */
export type Loader = (typeof loaders)[number]
export type NodeFile = {
  readonly path: string
  /** Permission bits, for example 0o600. */
  readonly mode: number
  readonly contents?: string | undefined
  /** A file on this machine. */
  readonly from?: string | undefined
}

const nodeFile = z
  .strictObject({
    path: nodeFilePath.meta({ description: 'absolute path on the node' }),
    contents: z.string().optional().meta({ description: 'text of the file; either this or from' }),
    from: path.optional().meta({ description: 'file on this machine to copy; either this or contents' }),
    mode: octalMode.prefault('0644').meta({ description: 'permissions in octal; the owner is root' }),
  })
  .check(({ value, issues }) => {
    if ((value.contents === undefined) !== (value.from === undefined)) return
    issues.push({ code: 'custom', input: value, path: [], message: 'expected either contents or from' })
  })
  .meta({ description: 'file on the node' })

/** Keys of a cluster and of a node. */
export const addedFiles = {
  hostname: z.boolean().optional().meta({
    description: 'true: Ignition writes the full name to /etc/hostname, for nodes that do not get it by DHCP',
  }),
  files: z.array(nodeFile).optional().meta({
    description: 'more files that Ignition writes; for the same path, the node overrides its cluster',
  }),
  networkKeyfiles: oneOrMore(path).optional().meta({
    description:
      'NetworkManager keyfiles (*.nmconnection) for the installed system; for the same name, the node overrides its cluster',
  }),
}

/** Keys that a cluster sets for all its nodes and that a node can override. */
const bootSettings = {
  ...diskSettings,
  wipe: z.enum(wipeModes).optional().meta({
    description:
      'ask: only an installation that an administrator started overwrites a disk that holds data; always: every installation does; by default the value of the site',
  }),
  image: imageName.optional().meta({ description: 'name of an image under images' }),
  ...scriptKey,
  boot: z.enum(bootModes).optional().meta({
    description:
      'what a network boot does: install (the default), menu for the boot menu, or local to boot the local disk; none: slipway does not answer DHCP or boot requests from the machine, and only serves its names and adds a node of a cluster to the load balancer',
  }),
  menu: menuSection.optional(),
  console: oneOrMore(consoleDevice)
    .optional()
    .meta({ description: 'values of console= arguments; the last one becomes /dev/console' }),
  kernelArguments: oneOrMore(kernelArgument)
    .optional()
    .meta({ description: 'more kernel arguments; those of a node follow those of its cluster' }),
  loader: z.enum(loaders).optional().meta({
    description:
      "boot loader: snponly (firmware's network driver, the default on x86_64), ipxe (iPXE's drivers, the default on aarch64), shim (shim and GRUB from the directory of the image, for Secure Boot), grub (the same GRUB without shim), shim-ipxe (a signed iPXE from the directory of the image), pxelinux (PXELINUX for BIOS machines), u-boot (a configuration for U-Boot), or auto (shim if the directory of the image has it)",
  }),
  pxeOptions: z.boolean().optional().meta({
    description:
      'true: replies to PXE firmware have the PXE options 60 and 43, so that the firmware prefers them to those of another PXE server',
  }),
  ...addedFiles,
  network: networkSection.optional(),
  http: httpTemplates.optional(),
  dhcpOptions: extraOptions,
}

const node = z
  .strictObject({
    name: label.meta({
      description: 'first label of the name: m1 for m1.<cluster>.<domain>',
      examples: ['m1'],
    }),
    fqdn: domain.optional().meta({
      description:
        'full name of the node, where it is not <name>.<cluster>.<domain>: DNS, DHCP, and certificate requests use it',
      examples: ['rack7-m1.dc.example.net'],
    }),
    role: z.enum(roles).meta({
      description:
        'bootstrap, master, or worker; arbiter: the third etcd member beside two masters, without an API server and routers; infra: installed as a worker, gets the ingress traffic; single: the only control-plane node of a cluster, which bootstraps itself',
    }),
    mac: oneOrMore(mac, 1, 'a unicast MAC address').optional().meta({
      description:
        'MAC address of the interface that the node boots from; a list for several interfaces, any of which can boot it; required unless boot is none',
    }),
    duid: oneOrMore(duid, 1, 'a DUID').optional().meta({
      description:
        'DHCPv6 identifier, or a list; needed only if it has no MAC address, and neither the link-local address nor the relay agent shows one',
    }),
    address: ips.meta({
      description:
        'the address that DHCP reserves, IPv4 or in a network of subnets6, or one of each: the node boots over the first one; further IPv6 addresses are for DNS only; with boot: none, any addresses',
    }),
    bmc: nodeBmc.optional().meta({
      description:
        'BMC of the node: a URL as in a BareMetalHost, or a map; slipway switches power only if it has credentials, and only on command',
    }),
    balance: z.boolean().default(true).meta({
      description:
        'false: HAProxy drains the node, for example a bootstrap node after the bootstrap is complete',
    }),
    ingress: z.boolean().optional().meta({
      description:
        'true: the node runs routers, so HAProxy sends *.apps only to such nodes; false: never to this node; by default infra nodes, else workers, else masters get the traffic',
    }),
    ...bootSettings,
  })
  .meta({ description: 'node of this cluster' })

const cluster = z
  .strictObject({
    name: label.meta({
      description: 'name as in metadata.name of install-config.yaml',
      examples: ['ocp45'],
    }),
    domain: domain.meta({ description: 'base domain: names are <name>.<cluster>.<domain>' }),
    ignition: path.optional().meta({
      description:
        'directory with bootstrap.ign, master.ign, and worker.ign (arbiter.ign for an arbiter, bootstrap-in-place-for-live-iso.ign for a single node); not needed for agent images, or to add nodes to a running cluster (with kubeconfig)',
      examples: ['/root/openshift/installdir'],
    }),
    kubeconfig: path.optional().meta({
      description:
        'kubeconfig that slipway uses to follow the cluster and to get the Ignition files of added nodes; by default auth/kubeconfig in the Ignition directory',
    }),
    approve: z.enum(approvals).default('off').meta({
      description:
        'declared: approve certificate signing requests of declared nodes; dry-run: only log them; off: do not handle them',
    }),
    loadBalancer: loadBalancer.optional(),
    assisted: assistedSection.optional(),
    bmc: bmcDefaults.optional(),
    order: z.boolean().default(true).meta({
      description:
        'true: masters wait for the bootstrap node and workers for a master, until port 22623 answers; false: all install at once',
    }),
    ignitionAccess: z.enum(ignitionAccesses).default('guarded').meta({
      description:
        'guarded: only the node that is being installed can read Ignition files; open: every client can, for labs only',
    }),
    requireDhcp: z.boolean().default(true).meta({
      description:
        'true: a node is installed only after iPXE on it requested its address from this server; false: for nodes that another DHCP server answers',
    }),
    callbacks: z.boolean().default(true).meta({
      description:
        'false: live systems do not get the Ignition file that reports the end of the installation',
    }),
    ...bootSettings,
    nodes: z.array(node).min(1).meta({ description: 'nodes of the cluster' }),
  })
  .meta({ description: 'OpenShift cluster' })

/** Scripts of other installers belong to clusters. */
const groupSettings = omit(bootSettings, 'script', 'http')
const { mac: nodeMac, duid: nodeDuid, address, bmc } = node.shape
const group = groupSection(groupSettings, { mac: nodeMac, duid: nodeDuid, address, bmc, ...groupSettings })

const host = z
  .strictObject({
    name: domain.meta({ description: 'fully qualified name', examples: ['ns1.example.localdomain'] }),
    address: ips.meta({ description: 'one or several addresses, IPv4 or IPv6' }),
    mac: oneOrMore(mac, 1, 'a unicast MAC address').optional().meta({
      description:
        'one or several MAC addresses for which DHCP reserves the first IPv4 address; slipway does not boot hosts',
    }),
    dhcpOptions: dhcpOptions('host').meta({
      description: 'more DHCP options, including 43, 66, and 67, for example for a switch or a phone',
    }),
  })
  .meta({ description: 'other machine with a name' })

export const siteSchema = z.strictObject({
  $schema: z.string().optional().meta({ description: 'URL of the schema, for editors; slipway ignores it' }),
  site: label.meta({ description: 'name of this site', examples: ['ocp45-lab'] }),
  server: serverSection,
  subnets: z
    .array(subnetSection)
    .default([])
    .meta({ description: 'IPv4 networks of the nodes; required without subnets6' }),
  subnets6: z.array(subnet6Section).default([]).meta({ description: 'IPv6 networks of the nodes' }),
  dns: dnsSection.prefault({}),
  tftp: tftpSection.prefault({}),
  http: httpSection.prefault({}),
  menu: siteMenu.optional(),
  images: z
    .record(imageName, imageSection)
    .default({})
    .meta({ description: 'images that nodes boot, by a name that you choose' }),
  clusters: z.array(cluster).default([]).meta({ description: 'clusters and their nodes' }),
  groups: z
    .array(group)
    .default([])
    .meta({ description: 'groups of machines with other operating systems, which belong to no cluster' }),
  hosts: z.array(host).default([]).meta({ description: 'other machines with names' }),
  wipe: z.enum(wipeModes).default('ask').meta({
    description:
      'ask: before the installer overwrites a disk that holds data, an administrator must arm the node; always: no check',
  }),
  haproxy: haproxySection.optional(),
  keepalived: keepalivedSection.optional(),
  bmc: bmcDefaults.optional(),
  store: storeSection.optional(),
  api: apiSection.optional(),
  hooks: hooksSection.default({}),
  syslog: syslogSection.optional(),
  inventory: inventorySection.optional(),
  dhcpOptions: extraOptions,
})

/** A decoded site with defaults filled in. */
export type Site = z.output<typeof siteSchema>
export type Section = keyof Site
export type Subnet = Site['subnets'][number]
export type Subnet6 = Site['subnets6'][number]
export type Cluster = Site['clusters'][number]
export type Node = Cluster['nodes'][number]
export type Group = Site['groups'][number]
export type GroupNode = Group['nodes'][number]
export type Host = Site['hosts'][number]
export type DnsRecord = Site['dns']['records'][number]
export type Image = Site['images'][string]
export type Hook = Site['hooks'][string]
export type Architecture = (typeof architectures)[number]
export type Role = (typeof roles)[number]
/** What slipway sends to a node that boots from it. */
export type BootMode = Exclude<(typeof bootModes)[number], 'none'>
export type IgnitionAccess = (typeof ignitionAccesses)[number]
export type Approval = (typeof approvals)[number]
export type WipeMode = (typeof wipeModes)[number]
export type MenuEntry = (typeof menuEntries)[number]
