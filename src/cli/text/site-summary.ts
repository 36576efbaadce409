/**
 * A plan as text: counts for each service, a line for each node, the loader for each firmware, and the findings with their
 * positions in the site file. Pure.
 */
import type { Plan } from '../../plan/compile.ts'
import { shownDisk } from '../../plan/disks/target.ts'
import { localZones } from '../../plan/dns/names.ts'
import {
  ignitionFileNames,
  loaderNames,
  pxelinuxNames,
  type IgnitionKind,
  type LoaderName,
} from '../../plan/facts.ts'
import type { IgnitionFile } from '../../plan/http/plan.ts'
import { scriptName } from '../../plan/boot/console.ts'
import { signatureText } from '../../plan/loader-signature.ts'
import {
  bootSource,
  isBootedMember,
  macsText,
  type MemberModel,
  type NodeModel,
  type SystemModel,
} from '../../plan/model.ts'
import { urlPaths } from '../../plan/urls.ts'
import { formatCidr, formatIp, formatIpv4 } from '../../proto/address/ip.ts'
import { formatCidr6 } from '../../proto/address/network6.ts'
import type { ConfigCheck } from '../../serve/haproxy/apply.ts'
import type { Owner } from '../../site/declared.ts'
import type { Path } from '../../site/problem.ts'
import type { Site } from '../../site/schema.ts'
import type { Tree } from '../../site/yaml.ts'
import type { Finding } from '../../text/codes.ts'
import { defined } from '../../text/defined.ts'
import { pluralize } from '../../text/format.ts'
import { alignColumns } from '../../text/lines.ts'
import { askedText, ignitionText, paint, type OutputStyle } from './output.ts'

/** Returns lines for a terminal; {@link findingLine} returns those of findings. */
export function summaryLines(plan: Plan): string[] {
  return [
    `${plan.site}: ${pluralize(plan.members.length, 'node')} in ${ownersText(plan)}, served from ${formatIpv4(plan.endpoint.address)}`,
    '',
    ...indentedTable(services(plan)),
    '',
    ...indentedTable(
      plan.members.map((node) => (isBootedMember(node) ? nodeRow(plan, node) : memberRow(node))),
    ),
    '',
    ...indentedTable(ignitionFiles(plan.http).map(ignitionRow)),
    '',
    ...indentedTable([...shownLoaders(plan).map((name) => loaderRow(plan, name)), ...signedRows(plan)]),
  ]
}

/** `2 clusters and 1 group` */
function ownersText({ members }: Plan): string {
  const inGroup = new Set(
    members.filter((node) => isBootedMember(node) && node.system !== undefined).map(({ cluster }) => cluster),
  )
  const clusters = new Set(members.map(({ cluster }) => cluster)).size - inGroup.size
  return [
    ...(clusters === 0 && inGroup.size > 0 ? [] : [pluralize(clusters, 'cluster')]),
    ...(inGroup.size === 0 ? [] : [pluralize(inGroup.size, 'group')]),
  ].join(' and ')
}

/** @param position of what the finding is about, in the site file */
export function findingLine(
  { severity, about, message }: Finding,
  file?: string,
  position?: { readonly line: number; readonly column: number },
  output: Pick<OutputStyle, 'usesColor'> = { usesColor: false },
): string {
  const at = position === undefined ? '' : ` (${file}:${position.line}:${position.column})`
  const label = paint(output, severity === 'error' ? 'red' : 'yellow', `${severity}:`)
  return `${label} ${about}: ${message}${at}`
}

/** Returns a finding when HAProxy rejected the configuration, or when it could not validate it. */
export function haproxyFinding({ kind, reason }: ConfigCheck): Finding | undefined {
  const about = 'haproxy'
  if (kind === 'done') return undefined
  if (kind === 'failed') {
    const message = `HAProxy rejects the configuration: ${reason}`
    return { code: 'haproxy.config-rejected', severity: 'error', about, message }
  }
  const message = 'HAProxy is not installed on this machine, so its configuration was not validated'
  return { code: 'haproxy.not-validated', severity: 'warning', about, message }
}

/** Returns the content of {@link summaryLines} as JSON. */
export function summaryJson(
  plan: Plan,
  positionOf: (finding: Finding) => { readonly line: number; readonly column: number } | undefined = () =>
    undefined,
): object {
  return {
    site: plan.site,
    nodes: plan.nodes.map((node) => ({
      key: node.key,
      role: node.role,
      mac: node.mac,
      ...defined({ otherMacs: node.otherMacs }),
      address: formatIp(node.address),
      name: node.fqdn,
      boot: node.boot,
      image: scriptName(bootSource(node)),
      disk: shownDisk(node),
    })),
    ...(plan.members.length > plan.nodes.length && {
      notBooted: plan.members
        .filter((member) => !isBootedMember(member))
        .map(({ key, role, address, fqdn }) => ({ key, role, address: formatIp(address), name: fqdn })),
    }),
    services: Object.fromEntries(services(plan)),
    ignition: ignitionFiles(plan.http).map(({ node, kind, file, contents }) => ({
      cluster: clusterOf(node),
      kind,
      file,
      ...contents,
    })),
    loaders: Object.fromEntries(shownLoaders(plan).map((name) => [name, plan.tftp.files.get(name) ?? null])),
    findings: plan.findings.map((finding) => ({ ...finding, ...positionOf(finding) })),
  }
}

function services(plan: Plan): [service: string, what: string][] {
  const { dhcp, dhcpv6, tftp, http, dns, haproxy } = plan
  const loaders = pluralize(shownLoaders({ tftp }).filter((name) => tftp.files.has(name)).length, 'loader')
  const zones = dns?.zones.filter((zone) => !localZones.includes(zone)) ?? []
  const records = zones.reduce((sum, zone) => sum + zone.records.length, 0)
  return [
    ['dhcp', dhcp.networks.length === 0 ? 'no IPv4 networks' : dhcpService(dhcp)],
    ...(dhcpv6 === undefined ? [] : [['dhcpv6', dhcpv6Service(dhcpv6)] satisfies [string, string]]),
    [
      'tftp',
      `${tftp.root === undefined ? loaders : `${loaders}, and the files in ${tftp.root}`}${transferPorts(tftp)}`,
    ],
    [
      'http',
      [
        pluralize(http.scripts.size, 'boot script'),
        pluralize(ignitionFiles(http).length, 'Ignition file'),
        pluralize(http.images.size, 'image'),
      ].join(', '),
    ],
    [
      'dns',
      dns === undefined
        ? 'not served'
        : `${pluralize(records, 'record')} in ${zones.map((zone) => zone.name).join(', ')}`,
    ],
    [
      'haproxy',
      haproxy === undefined
        ? 'not written'
        : `${pluralize(haproxy.frontends.length, 'frontend')} in ${haproxy.file}`,
    ],
  ]
}

/** Lists networks with another DHCP server separately: that server must assign the addresses of the site file. */
function dhcpService({ networks, proxiedNetworks, reservationByMac, proxiedByMac }: Plan['dhcp']): string {
  const own = networks.filter((network) => !proxiedNetworks.includes(network))
  const places = (cidrs: typeof networks) => cidrs.map(formatCidr).join(', ')
  const booted = [...proxiedByMac.values()].filter(({ boot }) => boot !== undefined).length
  return [
    ...(own.length === 0 ? [] : [`${pluralize(reservationByMac.size, 'reservation')} in ${places(own)}`]),
    ...(proxiedNetworks.length === 0
      ? []
      : [
          `boot files for ${pluralize(booted, 'node')} in ${places(proxiedNetworks)}, where another server assigns addresses`,
        ]),
  ].join('; ')
}

/** A machine with several MAC addresses has one reservation. */
function dhcpv6Service({ subnets, reservationByMac }: NonNullable<Plan['dhcpv6']>): string {
  const names = new Set([...reservationByMac.values()].map(({ name }) => name))
  const places = subnets.map(({ network }) => formatCidr6(network)).join(', ')
  return `${pluralize(names.size, 'reservation')} in ${places}`
}

/** Empty unless the site file restricts the ports. */
function transferPorts({ transfers, port }: Plan['tftp']): string {
  switch (transfers.kind) {
    case 'any':
      return ''
    case 'range':
      return `, transfers from ports ${transfers.from} to ${transfers.to}`
    case 'single':
      return `, all transfers from port ${port}`
  }
}

/** Returns the Ignition files that are served, each once. */
function ignitionFiles({ ignition }: Plan['http']): IgnitionFile[] {
  const served = [...ignition.values()].filter(({ problem }) => problem === undefined)
  return [...new Map(served.map((each) => [each.file, each])).values()]
}

function ignitionRow({ node, kind, file, contents, isAsked }: IgnitionFile): string[] {
  const found = contents === undefined ? '' : ignitionText(contents)
  return [clusterOf(node), `${kind}.ign`, isAsked === true ? `${file}, ${askedText}` : found]
}

function clusterOf(node: string): string {
  return node.slice(0, node.indexOf('/'))
}

function nodeRow({ http }: Plan, node: NodeModel): string[] {
  // The initramfs of an agent contains its Ignition file, which names the disk.
  const isAgent = !http.ignition.has(urlPaths.openIgnition(node, node.ignition))
  const how =
    node.system !== undefined
      ? systemText(node.system, shownDisk(node))
      : isAgent
        ? ` on the disk that its ${node.script === undefined ? 'agent' : 'installer'} chooses`
        : ` on ${shownDisk(node) ?? 'no disk'} with ${ignitionFileNames[node.ignition as IgnitionKind]}`
  const boots = {
    install: `installs ${scriptName(bootSource(node))}${how}`,
    menu: `shows the menu (default: ${node.menu.default})`,
    local: 'boots its local disk',
  }
  return [node.key, node.role, macsText(node), formatIp(node.address), node.fqdn, boots[node.boot]]
}

function systemText({ answers }: SystemModel, disk: string | undefined): string {
  const [first] = answers.map((path) => path.slice(path.lastIndexOf('/') + 1))
  return `${disk === undefined ? '' : ` on ${disk}`}${first === undefined ? '' : ` with ${first}`}`
}

function memberRow({ key, role, address, fqdn }: MemberModel): string[] {
  return [key, role, 'no MAC address', formatIp(address), fqdn, 'is not booted by slipway']
}

const firmwareOf: Readonly<Record<LoaderName, string>> = {
  'bios/undionly.kpxe': 'BIOS (architecture 0)',
  'efi/snponly.efi': 'x64 UEFI (6, 7, 9, 15, 16)',
  'efi/ipxe.efi': 'x64 UEFI, loader: ipxe',
  'arm64/ipxe.efi': 'arm64 UEFI (10, 11, 18, 19)',
  'arm64/snponly.efi': 'arm64 UEFI, loader: snponly',
  'bios/lpxelinux.0': 'BIOS, loader: pxelinux',
  'bios/ldlinux.c32': 'BIOS, loader: pxelinux',
}

/** Returns a row for each loader of an image, with the certificate authority that the firmware must know. */
function signedRows({ tftp }: Plan): string[][] {
  return [...(tftp.signatures ?? [])].map(([name, signature]) => [
    'UEFI, loader: shim or grub',
    name,
    signatureText(signature),
  ])
}

/** Returns all builds of iPXE, and the files of PXELINUX if a node needs them. */
function shownLoaders({ tftp }: Pick<Plan, 'tftp'>): readonly LoaderName[] {
  const others = pxelinuxNames.filter((name) => tftp.files.has(name) || tftp.missing.has(name))
  return [...loaderNames, ...others]
}

function loaderRow({ tftp, findings }: Plan, name: LoaderName): string[] {
  const isNeeded = findings.some(({ about }) => about === `loader ${name}`)
  const absent = isNeeded ? 'not found, see below' : 'not found; no node needs it'
  return [firmwareOf[name], name, tftp.files.get(name) ?? absent]
}

function indentedTable(rows: readonly (readonly string[])[]): string[] {
  return alignColumns(rows).map((line) => `  ${line}`)
}

export type Position = ReturnType<Tree['position']>

/**
 * Returns the position in the site file of what a finding is about, so that editors and terminals can open it; undefined if the
 * site file does not name it.
 */
export function findingPosition(
  { about }: Pick<Finding, 'about'>,
  site: Site,
  tree: Tree,
): Position | undefined {
  const path = pathOf(about, site)
  if (path === undefined || !tree.has(path)) return undefined
  return typeof path.at(-1) === 'string' ? tree.position(path, 'key') : tree.position(path)
}

function pathOf(about: string, site: Site): Path | undefined {
  const [kind = '', name = ''] = about.split(/,? (.*)/s)
  const clusterAt = (wanted: string) => site.clusters.findIndex((cluster) => cluster.name === wanted)
  const nodeAt = (owners: readonly Owner[], wanted: string, name: string | undefined) => {
    const at = owners.findIndex((owner) => owner.name === wanted)
    return [at, 'nodes', owners[at]?.nodes.findIndex((each) => each.name === name) ?? -1]
  }
  switch (kind) {
    case 'image':
      return ['images', name]
    case 'cluster':
      return ['clusters', clusterAt(name)]
    case 'haproxy':
      return name === '' ? ['haproxy'] : ['clusters', clusterAt(name)]
    case 'host':
      return ['hosts', site.hosts.findIndex((host) => host.name === name)]
    case 'record':
      return ['dns', 'records', site.dns.records.findIndex((record) => record.name === name)]
    case 'subnet':
      return ['subnets', site.subnets.findIndex(({ cidr }) => formatCidr(cidr) === name)]
  }
  const [cluster = '', node] = kind.split('/')
  if (node === undefined) return cluster.split('.')
  const isOfGroup = site.groups.some(({ name: group }) => group === cluster)
  return isOfGroup
    ? ['groups', ...nodeAt(site.groups, cluster, node)]
    : ['clusters', ...nodeAt(site.clusters, cluster, node)]
}
