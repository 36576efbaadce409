/** The data that all servers serve: by default 1,000 nodes of one cluster, with the same names, addresses, and files. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serverAddress, subnet } from './network.ts'

export type Node = { readonly name: string; readonly mac: string; readonly address: string }

export const cluster = 'ocp45'
export const domain = `${cluster}.example.localdomain`
export const gateway = '172.16.0.254'
export const loadBalancer = { api: '172.16.0.111', apiInternal: '172.16.0.110', ingress: '172.16.0.112' }
export const image = 'rhcos-4.17'
export const leaseSeconds = 43_200
/** A subnet behind a relay agent. */
export const relayedSubnet = '172.20.0.0/16'
export const relay = '172.20.0.1'

export const nodes = createNodes(1000)

/** Returns up to 60,000 nodes. The first 1,000 are in the subnet of the server, all others in a relayed one. */
export function createNodes(count: number): readonly Node[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `n${String(index + 1).padStart(4, '0')}`,
    mac: `52:54:00:00:${hex(index >> 8)}:${hex(index & 0xff)}`,
    address: `172.${index < 1000 ? 16 : 20}.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`,
  }))
}

/** Other names than those of the nodes. */
export const names: readonly (readonly [name: string, address: string])[] = [
  [`api.${domain}`, loadBalancer.api],
  [`api-int.${domain}`, loadBalancer.apiInternal],
  [`apps.${domain}`, loadBalancer.ingress],
]

export const reverseName = (address: string) => `${address.split('.').reverse().join('.')}.in-addr.arpa`

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0')
}

/** Directories, used by all servers. */
export type Files = {
  /** Configurations, logs, and all other files. */
  readonly dir: string
  /** Root directory for TFTP. */
  readonly tftpRoot: string
  /** Root directory of nginx. */
  readonly web: string
  /** Directory of the images, below `web`. */
  readonly images: string
}

/** Returns the name and the addresses of the load balancer of a cluster. */
function clusterAt(index: number): { readonly name: string; readonly balancer: typeof loadBalancer } {
  if (index === 0) return { name: cluster, balancer: loadBalancer }
  const [api, apiInternal, ingress] = [5, 6, 7].map((octet) => `172.16.${octet}.${index}`) as [
    string,
    string,
    string,
  ]
  return { name: `${cluster}x${index}`, balancer: { api, apiInternal, ingress } }
}

/**
 * Writes the site file of slipway and the Ignition files that it names.
 *
 * @param tftp more keys of the section `tftp`
 * @param clusters number of clusters, up to 250, that have an equal number of nodes each
 */
export async function writeSite(
  { dir, tftpRoot, images }: Files,
  {
    tftp = '',
    declared = nodes,
    clusters = 1,
  }: { readonly tftp?: string; readonly declared?: readonly Node[]; readonly clusters?: number } = {},
): Promise<void> {
  // Each cluster has a directory of its own.
  const ignitionOf = (name: string) => join(dir, 'ignition', name)
  for (const { name } of Array.from({ length: clusters }, (_, index) => clusterAt(index))) {
    await mkdir(ignitionOf(name), { recursive: true })
    for (const role of ['bootstrap', 'master', 'worker'])
      await writeFile(join(ignitionOf(name), `${role}.ign`), '{"ignition":{"version":"3.2.0"}}')
  }
  const isRelayed = declared.some(({ address }) => address.startsWith('172.20.'))
  const share = Math.ceil(declared.length / clusters)
  const sections = Array.from({ length: clusters }, (_, index) => {
    const { name, balancer } = clusterAt(index)
    const lines = declared
      .slice(index * share, (index + 1) * share)
      .map(
        (each) =>
          `      - { name: ${each.name}, role: worker, mac: "${each.mac}", address: ${each.address} }`,
      )
    return `\
  - name: ${name}
    domain: example.localdomain
    image: ${image}
    ignition: ${JSON.stringify(ignitionOf(name))}
    disk: /dev/vda
    loadBalancer: { api: ${balancer.api}, apiInternal: ${balancer.apiInternal}, ingress: ${balancer.ingress} }
    nodes:
${lines.join('\n')}
`
  })
  await writeFile(
    join(dir, 'site.yaml'),
    `\
site: bench
server: { interface: br0, address: ${serverAddress} }
subnets:
  - { cidr: ${subnet}, gateway: ${gateway}, ntp: [${serverAddress}], leaseSeconds: ${leaseSeconds} }
${isRelayed ? `  - { cidr: ${relayedSubnet}, gateway: ${relay}, ntp: [${serverAddress}], leaseSeconds: ${leaseSeconds} }\n` : ''}dns: { clients: [${subnet}] }
tftp: { root: ${JSON.stringify(tftpRoot)}${tftp} }
images:
  ${image}: { dir: ${JSON.stringify(images)} }
clusters:
${sections.join('')}`,
  )
}
