/** Turns merged facts into the text of a site file, with comments, and lists what the administrator still has to fill in. Pure. */
import { formatCidr, parseIpv4, parseLooseCidr, type Cidr } from '../proto/address/ip.ts'
import { loadSite } from '../site/load.ts'
import type { Problem } from '../site/problem.ts'
import { defined } from '../text/defined.ts'
import type { Facts, Note, SubnetFact } from './facts.ts'
import { mergeFacts, type Cluster, type Machine, type Merged } from './merge.ts'
import { writeSite } from './write.ts'

export type Imported = {
  readonly text: string
  /** What was not imported, in the order of the files. */
  readonly notes: readonly Note[]
  /** What the site file still needs; empty if it is valid. */
  readonly problems: readonly Problem[]
}

/** @param file name of the site file, for messages */
export function draftSite(facts: Facts, sources: readonly string[], file: string): Imported {
  const merged = mergeFacts(facts)
  const subnets = mergeSubnets(facts, merged)
  const comments = new Map<string, string>()
  const site = {
    site: [...facts.clusters, ...merged.clusters].find(({ name }) => name !== '')?.name ?? 'site',
    server: serverOf(facts, merged, comments),
    subnets: subnets.map(({ cidr, fact }) => ({ cidr, ...subnetSettings(fact) })),
    dns: dnsOf(facts, merged),
    images: imagesOf(merged, comments),
    clusters: merged.clusters.map((cluster, index) => clusterOf(cluster, index, comments)),
    hosts: merged.hosts.filter(isWhole).map(hostOf),
    haproxy: facts.hasHaproxy === true ? haproxy : undefined,
    bmc: facts.bmc,
  }
  const notes = [...merged.notes, ...merged.hosts.filter((host) => !isWhole(host)).map(incomplete)].sort(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line,
  )
  comments.set('subnets', 'The networks of the nodes.')
  const header = [
    'yaml-language-server: $schema=./site.schema.json',
    '',
    `Imported from ${sources.join(', ')}. Check every value, then run "slipway check".`,
  ].join('\n')
  const footer = ['Not imported:', ...notes.map((note) => `- ${noteLine(note)}`)].join('\n')
  const text = writeSite(withoutEmpty(site), comments, { header, ...(notes.length > 0 && { footer }) })
  const loaded = loadSite(text, file)
  return { text, notes, problems: loaded.kind === 'site' ? [] : loaded.problems }
}

export function noteLine({ file, line, text }: Note): string {
  return line === 0 ? `${file}: ${text}` : `${file}:${line}: ${text}`
}

const haproxy = { file: '/etc/haproxy/haproxy.cfg', reload: 'systemctl reload-or-restart haproxy' }

function isWhole({ name, addresses }: Machine): boolean {
  return name !== undefined && addresses.length > 0
}

function incomplete({ file, line, name, mac, addresses }: Machine): Note {
  const what = [name, mac, ...addresses].filter((each) => each !== undefined).join(', ')
  const lacks = name === undefined ? 'a name' : 'an address'
  return { file, line, text: `a machine without ${lacks} (${what}): add it to nodes or hosts` }
}

function serverOf({ server, hasHaproxy }: Facts, merged: Merged, comments: Map<string, string>): object {
  const { address, interface: name } = server
  const isBalancer = merged.clusters.some(
    ({ api, ingress }) => address !== undefined && [...api, ...ingress].includes(address),
  )
  comments.set(
    'server',
    address === undefined
      ? 'This machine: fill in its address.'
      : 'This machine. The imported server must not serve the same network at the same time.',
  )
  return {
    ...defined({ interface: name }),
    ...defined({ address }),
    // HAProxy needs port 80 of its addresses.
    ...(hasHaproxy === true && isBalancer ? { ports: { http: 8080 } } : {}),
  }
}

type Subnet = { readonly cidr: string; readonly fact: Partial<SubnetFact> }

/** Merges subnets with the same network; without any, assumes a /24 around the first address of a node. */
function mergeSubnets(facts: Facts, { clusters, notes }: Merged & { notes: readonly Note[] }): Subnet[] {
  const merged = new Map<string, Partial<SubnetFact>>()
  const parsed: Cidr[] = []
  for (const fact of facts.subnets) {
    const cidr = parseLooseCidr(fact.cidr)
    const key = cidr === undefined ? fact.cidr : formatCidr(cidr)
    if (cidr !== undefined) parsed.push(cidr)
    merged.set(key, { ...fact, ...merged.get(key), ...withGateway(fact, merged.get(key)) })
  }
  const first = clusters[0]?.nodes.flatMap(({ addresses }) => addresses.filter(isIpv4Text))[0]
  if (merged.size === 0 && first !== undefined) {
    const guess = parseLooseCidr(`${first}/24`) as Cidr
    merged.set(formatCidr(guess), {})
    const [note] = clusters[0]?.nodes ?? []
    if (note !== undefined) {
      const text = `the imported files do not name the network of the nodes; ${formatCidr(guess)} is a guess, so check cidr and add gateway`
      ;(notes as Note[]).push({ file: note.file, line: note.line, text })
    }
  }
  return [...merged].map(([cidr, fact]) => ({ cidr, fact }))
}

function withGateway(fact: SubnetFact, known: Partial<SubnetFact> | undefined): { gateway?: string } {
  return defined({ gateway: known?.gateway ?? fact.gateway })
}

function isIpv4Text(text: string): boolean {
  return parseIpv4(text) !== undefined
}

function subnetSettings(fact: Partial<SubnetFact>): object {
  const { gateway, dns, ntp, domain, search, leaseSeconds, mtu } = fact
  return defined({
    gateway,
    dns: dns?.filter(isIpv4Text),
    ntp: ntp?.filter(isIpv4Text),
    domain,
    search,
    leaseSeconds,
    mtu,
  })
}

function dnsOf({ forward, forwardZones, zones, records }: Facts, { clusters }: Merged): object {
  const bases = clusters.map(({ domain }) => domain)
  const others = records.filter(({ name }) => !clusters.some((cluster) => isBelowApps(name, cluster)))
  return {
    zones: [...new Set(zones)].filter((zone) => bases.includes(zone)),
    forward: [...new Set(forward)],
    forwardZones,
    records: recordsByName(others),
  }
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value)
}

/** A site file has all records of a name in one entry. */
function recordsByName(records: Facts['records']): object[] {
  const byName = new Map<string, Record<string, unknown>>()
  for (const record of records) {
    const known = byName.get(record.name) ?? {}
    for (const [key, value] of Object.entries(record) as [string, unknown][]) {
      if (key === 'file' || key === 'line') continue
      const before = known[key]
      known[key] = isList(value) && isList(before) ? [...before, ...value] : value
    }
    byName.set(record.name, known)
  }
  return [...byName.values()]
}

function isBelowApps(name: string, { fullName }: Cluster): boolean {
  return name.endsWith(`.apps.${fullName}`) || /^_etcd-server-ssl\._tcp\./.test(name)
}

const imageFolder = '/var/lib/slipway/images'

function imageName({ isAgent, name }: Cluster): string {
  return isAgent === true ? `agent-${name}` : 'rhcos'
}

function imagesOf({ clusters }: Merged, comments: Map<string, string>): Record<string, object> {
  comments.set(
    'images',
    'Download the images with "slipway images add", or name the directories that have them.',
  )
  const images: Record<string, object> = {}
  for (const cluster of clusters) {
    const name = imageName(cluster)
    images[name] = { dir: `${imageFolder}/${name}`, ...defined({ architecture: cluster.architecture }) }
  }
  return images
}

function clusterOf(cluster: Cluster, index: number, comments: Map<string, string>): object {
  const { name, domain, isAgent, disk } = cluster
  const nodes = withSingle(cluster)
  const isSingle = nodes.some(({ role }) => role === 'single')
  const path = `clusters.${index}`
  if (isAgent !== true) {
    comments.set(
      `${path}.ignition`,
      'The directory where "openshift-install create ignition-configs" wrote *.ign.',
    )
  }
  if (disk === undefined && isAgent !== true)
    comments.set(`${path}.disk`, 'The disk to install on; check it.')
  return {
    // The configuration of a load balancer does not name its cluster, and agent-config.yaml does not name the domain.
    ...defined({ name: name === '' ? undefined : name, domain: domain === '' ? undefined : domain }),
    image: imageName(cluster),
    ...(isAgent === true ? {} : { ignition: `/var/lib/slipway/ignition/${name === '' ? 'cluster' : name}` }),
    loadBalancer: isSingle && cluster.api.length === 0 ? undefined : loadBalancer(cluster),
    disk: disk ?? (isAgent === true ? undefined : '/dev/sda'),
    nodes: nodes.map((machine) => nodeOf(machine, cluster)),
  }
}

function loadBalancer({ api, apiInternal, ingress }: Cluster): object {
  const isOwn = apiInternal.length > 0 && apiInternal.join() !== api.join()
  return defined({
    api: oneOrList(api),
    apiInternal: isOwn ? oneOrList(apiInternal) : undefined,
    ingress: oneOrList(ingress),
  })
}

/** Returns undefined if there are no addresses, so that the key is reported as missing. */
function oneOrList(addresses: readonly string[]): string | readonly string[] | undefined {
  return addresses.length > 1 ? addresses : addresses[0]
}

/** A lone master without a bootstrap node is the node of a single-node cluster. */
function withSingle({ nodes, masters, api }: Cluster): readonly Machine[] {
  if (masters === undefined ? api.length > 0 : masters !== 1) return nodes
  const controlPlane = nodes.filter(({ role }) => role === 'master' || role === 'bootstrap')
  return controlPlane.length === 1
    ? nodes.map((node) => (node.role === 'master' ? { ...node, role: 'single' } : node))
    : nodes
}

function nodeOf(machine: Machine, cluster: Cluster): object {
  const { name = '', role, addresses, disk, bmc, network, ...macs } = machine
  const label = name.endsWith(`.${cluster.fullName}`)
    ? name.slice(0, -cluster.fullName.length - 1)
    : name.split('.')[0]
  return {
    name: label,
    role,
    ...defined({
      mac: macsOf(macs),
      address: oneOrList(addresses),
      disk: disk === cluster.disk ? undefined : disk,
      bmc,
      network,
    }),
  }
}

function macsOf({
  mac,
  otherMacs = [],
}: Pick<Machine, 'mac' | 'otherMacs'>): string | readonly string[] | undefined {
  return mac === undefined ? undefined : oneOrList([mac, ...otherMacs])
}

function hostOf({ name, addresses, ...macs }: Machine): object {
  return { name, ...defined({ mac: macsOf(macs), address: oneOrList(addresses) }) }
}

/** Removes empty lists, empty maps, and settings that are undefined. */
function withoutEmpty<T>(value: T): T {
  if (Array.isArray(value)) return value.map((each: unknown) => withoutEmpty(each)) as T
  if (typeof value !== 'object' || value === null) return value
  const left = Object.entries(value)
    .map(([key, each]) => [key, withoutEmpty(each as unknown)] as const)
    .filter(([key, each]) => each !== undefined && (keptKeys.has(key) || !isEmpty(each)))
  return Object.fromEntries(left) as T
}

/** Kept even if they are empty: they are required, so a missing value is reported at their position. */
const keptKeys = new Set(['server', 'loadBalancer'])

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
