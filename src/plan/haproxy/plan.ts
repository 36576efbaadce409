/**
 * The plan of HAProxy: its file, how to reload it, frontends, and backends; and the frontends of a cluster that it is
 * compiled from. render.ts renders the text with the nodes that are drained at that time.
 */
import type { Cluster, Role } from '../../site/schema.ts'
import type { Bind, TimeoutName } from '../../site/haproxy-words.ts'
import type { CheckPreset } from '../../site/load-balancing.ts'
import { formatIp, type Ip } from '../../proto/address/ip.ts'
import { endpointsOf } from '../../site/declared.ts'
import type { MemberModel } from '../model.ts'

export type HaproxyPlan = {
  /** The site's name. */
  readonly site: string
  /** The path of the configuration. */
  readonly file: string
  /** All files of HAProxy in order, when `file` is only a part of its configuration; else empty. */
  readonly with: readonly string[]
  readonly reload: Reload | undefined
  /** The stats socket of HAProxy. */
  readonly socket: string
  /** The port on 127.0.0.1 that shows that HAProxy runs. With it, another machine may hold the addresses. */
  readonly healthPort: number | undefined
  readonly frontends: readonly Frontend[]
  readonly backends: readonly Backend[]
  /** Those of the site; absent if it sets none. */
  readonly timeouts?: Timeouts
  /** Log targets as HAProxy's `log` has them; absent if the site sets none. */
  readonly log?: readonly string[]
  /** Absent if the site has none, or if the file of its users cannot be used. */
  readonly stats?: StatsPage
}

/** Times in HAProxy's format, `30s`. */
export type Timeouts = { readonly [name in TimeoutName]?: string | undefined }

export type StatsPage = {
  readonly binds: readonly string[]
  readonly uri: string
  readonly refreshSeconds?: number
  /** Empty if every client can read the page. */
  readonly users: readonly StatsUser[]
}

export type StatsUser = {
  readonly name: string
  /** As crypt(3) returns it, with SHA-256 or SHA-512. */
  readonly hash: string
}

/** A shell command, or the socket of HAProxy's master process. */
export type Reload =
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'master'; readonly socket: string }

export type Frontend = {
  readonly name: string
  readonly service: LoadBalancedService
  /** Arguments of `bind`: `172.16.0.111:6443`, `[2001:db8::1]:6443`, `*:6443 v4v6` */
  readonly binds: readonly string[]
  /** One, or one for each of the clusters that share the addresses. */
  readonly routes: readonly Route[]
  /** Those of its clusters; absent if they set none. */
  readonly timeouts?: Timeouts
}

export type Route = {
  readonly backend: string
  /** The names that clients use; `*.` matches all names below. */
  readonly names: readonly string[]
}

export type Backend = {
  readonly name: string
  readonly service: LoadBalancedService
  readonly checks: CheckPreset
  readonly servers: readonly BackendServer[]
  /** Those of its cluster; absent if it sets none. */
  readonly timeouts?: Timeouts
}

export type BackendServer = {
  /** The node's key, `ocp45/m1`. */
  readonly node: string
  readonly name: string
  /** `172.16.0.21:6443` */
  readonly endpoint: string
  /** Gets connections only while no other server is up. */
  readonly isBackup: boolean
  /** Disabled by the site file. */
  readonly isOut: boolean
}

/** One of the four load-balanced services of a cluster: a `frontend` and its `backend` in HAProxy. */
export type ServiceFrontend = {
  readonly cluster: string
  readonly service: LoadBalancedService
  /** Addresses of its names, without duplicates and without those of nodes. */
  readonly addresses: readonly Ip[]
  /** Where HAProxy listens: on these addresses, unless the site sets something else. */
  readonly binds: readonly Bind[]
  readonly servers: readonly MemberModel[]
  /** Servers that get connections only while none of `servers` is up. */
  readonly backups: readonly MemberModel[]
}

type Group = Pick<ServiceFrontend, 'servers' | 'backups'>

export type LoadBalancedService = keyof typeof servicePorts

/** The names are those of common hand-written configurations. */
export const servicePorts = { kubeapi: 6443, machineconfig: 22623, workerhttp: 80, workerhttps: 443 } as const

/**
 * Returns the frontends that have an address and a node. An address of a node does not belong to the load balancer: the
 * names of a single-node cluster resolve to its node.
 *
 * @param nodes the nodes of all clusters
 */
export function serviceFrontends(cluster: Cluster, nodes: readonly MemberModel[]): ServiceFrontend[] {
  const own = nodes.filter((node) => node.cluster === cluster.name)
  const nodeAddresses = new Set(nodes.flatMap((node) => node.addresses))
  const { api, apiInternal, ingress } = endpointsOf(cluster)
  const controlPlane = { servers: controlPlaneNodes(own), backups: withRole(own, 'bootstrap') }
  const routers = routerNodes(own)
  const serviceFrontend = (
    service: LoadBalancedService,
    addresses: readonly Ip[],
    group: Group,
  ): ServiceFrontend => {
    const own = [...new Set(addresses)].filter((address) => !nodeAddresses.has(address))
    const binds = cluster.loadBalancer?.bind?.[service] ?? own.map((address) => bindOf(address, service))
    return { cluster: cluster.name, service, addresses: own, binds, ...group }
  }
  const external = new Set(cluster.loadBalancer?.external)
  const controlPlaneEnds = [
    serviceFrontend('kubeapi', [...api, ...apiInternal], controlPlane),
    // Machine configs contain secrets of the cluster, so they are not served on addresses that are only public.
    serviceFrontend('machineconfig', apiInternal, controlPlane),
  ]
  const ingressEnds = [
    serviceFrontend('workerhttp', ingress, routers),
    serviceFrontend('workerhttps', ingress, routers),
  ]
  return [
    ...(external.has('api') ? [] : controlPlaneEnds),
    ...(external.has('ingress') ? [] : ingressEnds),
  ].filter(({ binds, servers, backups }) => binds.length > 0 && servers.length + backups.length > 0)
}

function bindOf(address: Ip, service: LoadBalancedService): Bind {
  const port = servicePorts[service]
  return { endpoint: formatEndpoint(address, port), address, port, options: '' }
}

/** Returns the arguments of a `bind` line. */
export function bindText({ endpoint, options }: Bind): string {
  return options === '' ? endpoint : `${endpoint} ${options}`
}

/**
 * Returns the nodes that run routers: those that the site declares if there are any, else infra nodes, else workers, else (compact clusters) control-plane
 * nodes. Infra nodes are installed as workers and get the routers later; until then the workers, their backups, get the
 * traffic.
 */
function routerNodes(own: readonly MemberModel[]): Group {
  const declared = own.filter(({ isRouter }) => isRouter === true)
  if (declared.length > 0) return { servers: declared, backups: [] }
  const nodes = own.filter(({ isRouter }) => isRouter !== false)
  const [infra, workers] = [withRole(nodes, 'infra'), withRole(nodes, 'worker')]
  if (infra.length > 0) return { servers: infra, backups: workers }
  return { servers: workers.length > 0 ? workers : controlPlaneNodes(nodes), backups: [] }
}

function controlPlaneNodes(nodes: readonly MemberModel[]): MemberModel[] {
  return [...withRole(nodes, 'master'), ...withRole(nodes, 'single')]
}

function withRole(nodes: readonly MemberModel[], role: Role): MemberModel[] {
  return nodes.filter((node) => node.role === role)
}

/** `172.16.0.111:6443`, `[2001:db8::1]:6443` */
export function formatEndpoint(address: Ip, port: number): string {
  const text = formatIp(address)
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`
}
