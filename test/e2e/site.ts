/** The site of a run, as an administrator writes it, and the values that checks compare with. */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses, clientMac, farMac } from './network.ts'
import { shellQuote } from './process.ts'

export type Role = 'bootstrap' | 'master' | 'worker'
export type SiteNode = {
  readonly name: string
  readonly role: Role
  readonly mac: string
  readonly address: string
  /** More keys of the node, as text of the site file. */
  readonly settings?: string
}

export const domain = 'ocp45.example.localdomain'
export const gateway = '172.16.0.254'
export const leaseSeconds = 43_200

/** The last octet of an address is the last pair of digits of its MAC. */
export const nodes = {
  bs: node('bs', 'bootstrap', 11),
  m1: node('m1', 'master', 21),
  m2: node('m2', 'master', 22),
  m3: node('m3', 'master', 23),
  w1: node('w1', 'worker', 31),
  w2: { ...node('w2', 'worker', 32), settings: 'pxeOptions: true' },
  // These write their disks.
  d1: { ...node('d1', 'worker', 41), settings: 'kernelArguments: [e2e.install]' },
  d2: { ...node('d2', 'worker', 42), settings: 'kernelArguments: [e2e.install]' },
  d3: { ...node('d3', 'master', 43), settings: 'kernelArguments: [e2e.install]' },
} as const

/** A declared machine that is not a node: the command-line clients use its address. */
export const client = { name: `cli.${domain}`, mac: clientMac, address: '172.16.0.61' } as const

/** A declared machine in the subnet behind the relay agent. */
export const far = { name: `far.${domain}`, mac: farMac, address: '172.20.0.61' } as const

/** A declared name with several addresses of both families. */
export const twins = {
  name: 'twins.example.localdomain',
  addresses: ['172.16.0.91', '172.16.0.92', '2001:db8::91'],
  ipv6Zone: '0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
} as const

function node(name: string, role: Role, lastOctet: number): SiteNode {
  return { name, role, mac: `52:54:00:00:00:${lastOctet}`, address: `172.16.0.${lastOctet}` }
}

/** Changes of a check before it reloads the site; without changes the text is that of the start. */
export type SiteChanges = {
  /** The resolver of the base domain, which slipway then does not serve; it has none of the records there. */
  readonly baseDomainAt?: string
  /** The value of `dns.zones`; by default the base domain. */
  readonly zones?: readonly string[]
  readonly extraHosts?: readonly string[]
  readonly spareWorker?: SiteNode
  /** Whether nodes wait for their turn; false by default. */
  readonly order?: boolean
  /** The section `tftp`, in braces. */
  readonly tftp?: string
  /** More addresses of the load balancer. */
  readonly moreApi?: readonly string[]
  /** Names of nodes with `balance: false`. */
  readonly unbalanced?: readonly string[]
  /** The socket of the master process of HAProxy, used for reloads instead of the command. */
  readonly haproxyMaster?: string
  /** Other files of HAProxy, in brackets, if the site's file is one of several. */
  readonly haproxyWith?: string
  /** The section `inventory`, in braces. */
  readonly inventory?: string
}

export type SiteFiles = {
  readonly sitePath: string
  readonly haproxyPath: string
  /** The stats socket of HAProxy. */
  readonly haproxySocket: string
  readonly image: string
  /** SHA-256 of each Ignition file, in hexadecimal. */
  readonly ignitionDigests: Readonly<Record<Role, string>>
  readonly ignitionTexts: Readonly<Record<Role, string>>
  write(changes?: SiteChanges): Promise<void>
}

/** @param reload the command that the site names for reloading HAProxy */
export async function createSite(dir: string, imagesDir: string, reload: string): Promise<SiteFiles> {
  const ignitionDir = join(dir, 'ignition')
  await mkdir(ignitionDir, { recursive: true })
  const texts = { bootstrap: bootstrapIgnition(), master: pointer('master'), worker: pointer('worker') }
  for (const [role, text] of Object.entries(texts)) await writeFile(join(ignitionDir, `${role}.ign`), text)

  const sitePath = join(dir, 'site.yaml')
  const haproxyPath = join(dir, 'haproxy.cfg')
  const write = (changes: SiteChanges = {}): Promise<void> =>
    writeFile(sitePath, siteText({ imagesDir, reload, ...changes }))
  await write()
  return {
    sitePath,
    haproxyPath,
    haproxySocket: join(dir, 'admin.sock'),
    image: 'rhcos-4.17',
    ignitionTexts: texts,
    ignitionDigests: {
      bootstrap: sha256(texts.bootstrap),
      master: sha256(texts.master),
      worker: sha256(texts.worker),
    },
    write,
  }
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function namesText({ zones = ['example.localdomain'], baseDomainAt }: SiteChanges): string {
  if (baseDomainAt !== undefined) {
    return `  zones: []\n  forwardZones: [{ zone: example.localdomain, servers: [${baseDomainAt}] }]\n`
  }
  return `\
  zones: [${zones.join(', ')}]
  records:
    - { name: example.localdomain, txt: [rack 7, "${'long '.repeat(100)}"] }
    - { name: git.example.localdomain, cname: bastion.example.localdomain }
    - { name: "*.dev.example.localdomain", cname: git.example.localdomain }
    - name: web.example.localdomain
      other:
        - { type: HTTPS, data: 1 . alpn=h2 port=8443 }
        - { type: NAPTR, data: '100 10 "s" "SIP+D2U" "" _sip._udp.example.localdomain.' }
        - { type: LOC, data: 52 22 23 N 4 53 32 E -2m }
        - { type: TYPE65280, data: '\\# 3 0a0b0c' }
    - { name: _443._tcp.web.example.localdomain, other: [{ type: TLSA, data: 3 1 1 0b9fa5a5 }] }
    - { name: 201.0.16.172.in-addr.arpa, ptr: [apps.example.localdomain] }
    - { name: _etcd._tcp.example.localdomain, srv: [{ target: m1.${domain}, port: 2380, weight: 10 }] }
    - { name: lab2.example.localdomain, ns: [ns.lab2.example.localdomain] }
    - { name: ns.lab2.example.localdomain, address: 172.16.0.99 }
`
}

function siteText(options: SiteChanges & { imagesDir: string; reload: string }): string {
  const all = [...Object.values(nodes), ...(options.spareWorker === undefined ? [] : [options.spareWorker])]
  return `\
site: e2e
server: { interface: srv0, address: ${addresses.server}, peers: [${addresses.server}, ${addresses.peer}], installer: ${addresses.server} }
subnets:
  - cidr: 172.16.0.0/24
    gateway: ${gateway}
    ntp: [${addresses.server}]
    search: [example.localdomain]
    leaseSeconds: ${leaseSeconds}
  - cidr: 172.20.0.0/24
    gateway: ${addresses.relayInFar}
    # The second one is on the network of the server (RFC 3527).
    relays: [${addresses.relayInFar}, ${addresses.relay}]
    search: [${domain}, example.localdomain]
    mtu: 1400
    routes: [{ to: 10.17.0.0/16, via: 172.20.0.9 }]
    dhcpOptions: [{ code: 150, ip: ${addresses.server} }]
dns:
  nsid: true
  forward: [${addresses.resolver}, ${addresses.secondResolver}]
  clients: [172.16.0.0/24, 192.168.124.0/24]
  secondaries: [${addresses.bind}, ${addresses.knot}]
${namesText(options)}${options.tftp === undefined ? '' : `tftp: ${options.tftp}\n`}images:
  rhcos-4.17: { dir: ${JSON.stringify(options.imagesDir)} }
clusters:
  - name: ocp45
    domain: example.localdomain
    image: rhcos-4.17
    ignition: ignition
    disk: /dev/vda
    order: ${options.order ?? false}
    console: [ttyS0]
    loadBalancer: { api: [${[addresses.api, ...(options.moreApi ?? [])].join(', ')}], apiInternal: ${addresses.apiInternal}, ingress: ${addresses.api} }
    nodes:
${all.map((each) => `      - { ${nodeText(each)}${options.unbalanced?.includes(each.name) ? ', balance: false' : ''} }`).join('\n')}
syslog: {}
${options.inventory === undefined ? '' : `inventory: ${options.inventory}\n`}hosts:
  - { name: ${client.name}, mac: "${client.mac}", address: ${client.address} }
  - { name: ${far.name}, mac: "${far.mac}", address: ${far.address} }
  - { name: bastion.example.localdomain, address: ${addresses.server} }
  - { name: ${twins.name}, address: [${twins.addresses.map((address) => JSON.stringify(address)).join(', ')}] }
${(options.extraHosts ?? []).map((line) => `  - ${line}\n`).join('')}haproxy:
  file: haproxy.cfg
  socket: admin.sock
  ${options.haproxyMaster === undefined ? `reload: ${JSON.stringify(options.reload)}` : `masterSocket: ${options.haproxyMaster}`}
${options.haproxyWith === undefined ? '' : `  with: ${options.haproxyWith}\n`}`
}

function nodeText({ name, role, mac, address, settings }: SiteNode): string {
  const own = `name: ${name}, role: ${role}, mac: "${mac}", address: ${address}`
  return settings === undefined ? own : `${own}, ${settings}`
}

/** As `openshift-install` writes it for masters and workers: a pointer to the machine config server. */
function pointer(role: Role): string {
  const authority = Buffer.from(`-----BEGIN CERTIFICATE-----\n${role}\n-----END CERTIFICATE-----\n`).toString(
    'base64',
  )
  return JSON.stringify({
    ignition: {
      config: { merge: [{ source: `https://api-int.${domain}:22623/config/${role}` }] },
      security: {
        tls: { certificateAuthorities: [{ source: `data:text/plain;charset=utf-8;base64,${authority}` }] },
      },
      version: '3.2.0',
    },
  })
}

/** The file of the bootstrap is complete, with all manifests: about 300 kB. */
function bootstrapIgnition(): string {
  const files = Array.from({ length: 150 }, (_, index) => ({
    path: `/opt/openshift/manifests/${index}.yaml`,
    mode: 0o644,
    contents: { source: `data:text/plain;charset=utf-8;base64,${sha256(`manifest ${index}`).repeat(30)}` },
  }))
  return JSON.stringify({ ignition: { version: '3.2.0' }, storage: { files } })
}

/** Returns the command that reloads the HAProxy of this run: its master process starts new workers on SIGUSR2. */
export function reloadCommand(pidFile: string, journal: string): string {
  return [
    `echo reload >>${shellQuote(journal)}`,
    `if [ -e ${shellQuote(pidFile)} ]; then kill -USR2 "$(cat ${shellQuote(pidFile)})"; fi`,
  ].join('; ')
}
