/** Compiles the plan of HAProxy from the model, with findings that are clearer than HAProxy's errors. */
import type { CheckPreset, Cluster } from '../../site/schema.ts'
import type { PlanFinding } from '../codes.ts'
import { formatIp, isIpv4, type Ipv4 } from '../../proto/address/ip.ts'
import { clusterDomain, subnetOf, type Model, type NodeModel } from '../model.ts'
import {
  formatEndpoint,
  serviceFrontends,
  servicePorts,
  type ServiceFrontend,
  type LoadBalancedService,
  type Backend,
  type BackendServer,
  type Frontend,
  type HaproxyPlan,
  type Reload,
} from './plan.ts'

/** @returns no plan when the site has no `haproxy` section, or when nothing in it needs balancing */
export function compileHaproxy(model: Model): {
  plan: HaproxyPlan | undefined
  findings: readonly PlanFinding[]
} {
  const { site, nodes } = model
  if (site.haproxy === undefined) return { plan: undefined, findings: [] }
  const all = site.clusters.flatMap((cluster) => serviceFrontends(cluster, nodes))
  if (all.length === 0) {
    // HAProxy refuses to start without a frontend.
    const message = 'no cluster has an address to balance, so no file is written; remove the section'
    const code = 'haproxy.nothing-to-balance'
    return { plan: undefined, findings: [{ code, severity: 'warning', about: 'haproxy', message }] }
  }
  const { file, with: beside, socket } = site.haproxy
  const plan = {
    site: site.site,
    file,
    with: beside,
    socket,
    reload: reloadOf(site.haproxy),
    healthPort: site.keepalived?.healthPort,
    frontends: compileFrontends(site.clusters, all),
    backends: all.map((serviceFrontend) => compileBackend(site.clusters, serviceFrontend)),
  }
  return {
    plan,
    findings: [
      ...withoutControlPlane(model),
      ...allDisabled(plan),
      ...boundTwice(model, all),
      ...elsewhere(model, all),
    ],
  }
}

function reloadOf({ reload, masterSocket }: NonNullable<Model['site']['haproxy']>): Reload | undefined {
  if (masterSocket !== undefined) return { kind: 'master', socket: masterSocket }
  return reload === undefined ? undefined : { kind: 'command', command: reload }
}

/** Returns a name; with several clusters, every name starts with the name of its cluster. */
function backendName(clusters: readonly Cluster[], { cluster, service }: ServiceFrontend): string {
  return clusters.length > 1 ? `${cluster}-${service}` : service
}

/** One frontend for the addresses of one cluster, and one for each set of addresses that clusters share. */
function compileFrontends(clusters: readonly Cluster[], all: readonly ServiceFrontend[]): Frontend[] {
  const holdersByBind = new Map<string, ServiceFrontend[]>()
  for (const serviceFrontend of all) {
    for (const address of serviceFrontend.addresses) {
      const bind = formatEndpoint(address, servicePorts[serviceFrontend.service])
      holdersByBind.set(bind, [...(holdersByBind.get(bind) ?? []), serviceFrontend])
    }
  }
  const frontendByName = new Map<string, Frontend & { binds: string[] }>()
  for (const [bind, holders] of holdersByBind) {
    const { service } = holders[0] as ServiceFrontend
    const isShared = holders.length > 1
    // Names of clusters have no dots.
    const sharers = holders.map(({ cluster }) => cluster).join('.')
    const name = isShared ? `${sharers}-${service}` : backendName(clusters, holders[0] as ServiceFrontend)
    const frontend = frontendByName.get(name)
    if (frontend !== undefined) {
      frontend.binds.push(bind)
      continue
    }
    const routes = holders.map((holder) => ({
      backend: backendName(clusters, holder),
      names: namesOf(clusterOf(clusters, holder), service),
    }))
    frontendByName.set(name, { name, service, binds: [bind], routes })
  }
  return [...frontendByName.values()]
}

/** Returns the names by which clients reach a service of a cluster. */
function namesOf(cluster: Cluster, service: LoadBalancedService): string[] {
  const domain = clusterDomain(cluster)
  if (service === 'kubeapi') return [`api.${domain}`, `api-int.${domain}`]
  return service === 'machineconfig' ? [`api-int.${domain}`] : [`*.apps.${domain}`]
}

function compileBackend(clusters: readonly Cluster[], serviceFrontend: ServiceFrontend): Backend {
  const { service, servers, backups } = serviceFrontend
  const server =
    (isBackup: boolean) =>
    (node: NodeModel): BackendServer => ({
      node: node.key,
      name: node.name,
      endpoint: formatEndpoint(node.address, servicePorts[service]),
      isBackup,
      isOut: !node.isBalanced,
    })
  return {
    name: backendName(clusters, serviceFrontend),
    service,
    checks: checksOf(clusterOf(clusters, serviceFrontend)),
    servers: [...servers.map(server(false)), ...backups.map(server(true))],
  }
}

/** A cluster without a load balancer has no frontends: its names resolve to its single node. */
function checksOf({ loadBalancer }: Cluster): CheckPreset {
  return (loadBalancer as NonNullable<typeof loadBalancer>).checks
}

function clusterOf(clusters: readonly Cluster[], serviceFrontend: ServiceFrontend): Cluster {
  return clusters.find(({ name }) => name === serviceFrontend.cluster) as Cluster
}

function withoutControlPlane({ site, nodes }: Model): PlanFinding[] {
  const balanced = site.clusters.filter(({ loadBalancer }) => loadBalancer?.external.includes('api') !== true)
  return balanced.flatMap(({ name }): PlanFinding[] => {
    const hasControlPlane = nodes.some(
      ({ cluster, role }) => cluster === name && ['bootstrap', 'master', 'single'].includes(role),
    )
    const message = 'has neither a bootstrap nor a master node, so there are no frontends on 6443 and 22623'
    if (hasControlPlane) return []
    return [{ code: 'haproxy.no-control-plane', severity: 'warning', about: `haproxy, ${name}`, message }]
  })
}

function allDisabled({ backends }: HaproxyPlan): PlanFinding[] {
  return backends
    .filter(({ servers }) => servers.every(({ isOut }) => isOut))
    .map(({ name }) => ({
      code: 'haproxy.backend-drained',
      severity: 'warning',
      about: `haproxy, ${name}`,
      message: 'all of its nodes have balance: false, so it refuses every client',
    }))
}

/** HAProxy would not start, or would take the port of this server. */
function boundTwice({ endpoint }: Model, all: readonly ServiceFrontend[]): PlanFinding[] {
  const holders = new Map<string, readonly [what: string, key: string]>([
    [formatEndpoint(endpoint.address, endpoint.ports.http), ["this server's HTTP", 'server.ports.http']],
    [formatEndpoint(endpoint.address, endpoint.ports.dns), ["this server's DNS", 'server.ports.dns']],
  ])
  return all.flatMap(({ cluster, service, addresses }) =>
    addresses.flatMap((address): PlanFinding[] => {
      const wanted = formatEndpoint(address, servicePorts[service])
      const holder = holders.get(wanted)
      if (holder === undefined) return []
      const [what, key] = holder
      const remedy = `set ${key} to another port, or give the load balancer a dedicated address`
      const message = `${service} needs ${wanted}, which is ${what}: ${remedy}`
      return [{ code: 'haproxy.port-conflict', severity: 'error', about: `haproxy, ${cluster}`, message }]
    }),
  )
}

/**
 * HAProxy does not start if an address is not on an interface of this machine, unless keepalived shares it. An IPv4
 * address outside of all subnets is most likely that of another machine.
 */
function elsewhere({ site }: Model, all: readonly ServiceFrontend[]): PlanFinding[] {
  if (site.keepalived !== undefined) return []
  const addressesByCluster = Map.groupBy(all, ({ cluster }) => cluster)
  return [...addressesByCluster].flatMap(([cluster, ends]) =>
    [...new Set(ends.flatMap(({ addresses }) => addresses))]
      .filter((address) => isIpv4(address) && address !== site.server.address)
      .filter((address) => subnetOf(site, address as Ipv4) === undefined)
      .map((address): PlanFinding => {
        const message = `${formatIp(address)} is in no subnet of the site, and HAProxy does not start without it: add the address to an interface of this machine, or set loadBalancer.external if another machine has it`
        return {
          code: 'haproxy.address-elsewhere',
          severity: 'warning',
          about: `haproxy, ${cluster}`,
          message,
        }
      }),
  )
}
