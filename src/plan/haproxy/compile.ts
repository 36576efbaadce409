/** Compiles the plan of HAProxy from the model, with findings that are clearer than HAProxy's errors. */
import type { Cluster } from '../../site/schema.ts'
import { timeMs, timeoutNames, type Bind } from '../../site/haproxy-words.ts'
import type { CheckPreset } from '../../site/load-balancing.ts'
import { defined } from '../../text/defined.ts'
import type { PlanFinding } from '../codes.ts'
import { clusterDomain, type MemberModel, type Model } from '../model.ts'
import {
  bindText,
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
  type Timeouts,
} from './plan.ts'
import { addressesElsewhere, portConflicts } from './listeners.ts'
import { compileStats } from './stats.ts'

/** @returns no plan when the site has no `haproxy` section, or when nothing in it needs balancing */
export function compileHaproxy(model: Model): {
  plan: HaproxyPlan | undefined
  findings: readonly PlanFinding[]
} {
  const { site, members } = model
  if (site.haproxy === undefined) return { plan: undefined, findings: [] }
  const all = site.clusters.flatMap((cluster) => serviceFrontends(cluster, members))
  if (all.length === 0) {
    // HAProxy refuses to start without a frontend.
    const message = 'no cluster has an address to balance, so no file is written; remove the section'
    const code = 'haproxy.nothing-to-balance'
    return { plan: undefined, findings: [{ code, severity: 'warning', about: 'haproxy', message }] }
  }
  const { file, with: beside, socket, timeouts, log } = site.haproxy
  const { stats, findings: statsFindings } = compileStats(model)
  const plan = {
    site: site.site,
    file,
    with: beside,
    socket,
    reload: reloadOf(site.haproxy),
    healthPort: site.keepalived?.healthPort,
    frontends: compileFrontends(site.clusters, all),
    backends: all.map((serviceFrontend) => compileBackend(site.clusters, serviceFrontend)),
    ...defined({ timeouts, log, stats }),
  }
  return {
    plan,
    findings: [
      ...withoutControlPlane(model),
      ...statsFindings,
      ...allDisabled(plan),
      ...portConflicts(model, all),
      ...addressesElsewhere(model, all),
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

/** One frontend for the endpoints of one cluster, and one for each set of endpoints that clusters share. */
function compileFrontends(clusters: readonly Cluster[], all: readonly ServiceFrontend[]): Frontend[] {
  const holdersByEndpoint = new Map<string, { bind: Bind; holders: ServiceFrontend[] }>()
  for (const serviceFrontend of all) {
    for (const bind of serviceFrontend.binds) {
      // Frontends of different services never share an endpoint (portConflicts).
      const key = `${serviceFrontend.service} ${bind.endpoint}`
      const found = holdersByEndpoint.get(key)
      if (found === undefined) holdersByEndpoint.set(key, { bind, holders: [serviceFrontend] })
      else if (!found.holders.includes(serviceFrontend)) found.holders.push(serviceFrontend)
    }
  }
  const frontendByName = new Map<string, Frontend & { binds: string[] }>()
  for (const { bind, holders } of holdersByEndpoint.values()) {
    const { service } = holders[0] as ServiceFrontend
    const isShared = holders.length > 1
    // Names of clusters have no dots.
    const sharers = holders.map(({ cluster }) => cluster).join('.')
    const name = isShared ? `${sharers}-${service}` : backendName(clusters, holders[0] as ServiceFrontend)
    const frontend = frontendByName.get(name)
    if (frontend !== undefined) {
      frontend.binds.push(bindText(bind))
      continue
    }
    const routes = holders.map((holder) => ({
      backend: backendName(clusters, holder),
      names: namesOf(clusterOf(clusters, holder), service),
    }))
    const timeouts = longest(holders.map((holder) => timeoutsOf(clusterOf(clusters, holder))))
    frontendByName.set(name, { name, service, binds: [bindText(bind)], routes, ...defined({ timeouts }) })
  }
  return [...frontendByName.values()]
}

function timeoutsOf({ loadBalancer }: Cluster): Timeouts | undefined {
  return loadBalancer?.timeouts
}

/** Clusters that share a frontend share its times: the longest of each. */
function longest(all: readonly (Timeouts | undefined)[]): Timeouts | undefined {
  const given = all.filter((each) => each !== undefined)
  if (given.length < 2) return given[0]
  const times = timeoutNames.map((name) => [name, longestTime(given.map((each) => each[name]))] as const)
  return defined(Object.fromEntries(times))
}

function longestTime(times: readonly (string | undefined)[]): string | undefined {
  const given = times.filter((time) => time !== undefined)
  return given.sort((a, b) => timeMs(b) - timeMs(a))[0]
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
    (node: MemberModel): BackendServer => ({
      node: node.key,
      name: node.name,
      endpoint: formatEndpoint(node.address, servicePorts[service]),
      isBackup,
      isOut: !node.isBalanced,
    })
  const cluster = clusterOf(clusters, serviceFrontend)
  return {
    name: backendName(clusters, serviceFrontend),
    service,
    checks: checksOf(cluster),
    servers: [...servers.map(server(false)), ...backups.map(server(true))],
    ...defined({ timeouts: timeoutsOf(cluster) }),
  }
}

/** A cluster without a load balancer has no frontends: its names resolve to its single node. */
function checksOf({ loadBalancer }: Cluster): CheckPreset {
  return (loadBalancer as NonNullable<typeof loadBalancer>).checks
}

function clusterOf(clusters: readonly Cluster[], serviceFrontend: ServiceFrontend): Cluster {
  return clusters.find(({ name }) => name === serviceFrontend.cluster) as Cluster
}

function withoutControlPlane({ site, members }: Model): PlanFinding[] {
  const balanced = site.clusters.filter(({ loadBalancer }) => loadBalancer?.external.includes('api') !== true)
  return balanced.flatMap(({ name }): PlanFinding[] => {
    const hasControlPlane = members.some(
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
