/** Findings about the endpoints that HAProxy listens on: ports that are taken, and addresses of other machines. Pure. */
import { formatIp, isIpv4, parseIpv4, type Ip, type Ipv4 } from '../../proto/address/ip.ts'
import type { PlanFinding } from '../codes.ts'
import { subnetOf, type Model } from '../model.ts'
import type { ServiceFrontend } from './plan.ts'

type Listener = {
  readonly what: string
  /** Undefined for every address. */
  readonly address: Ip | undefined
  readonly port: number
  /** How to free the port. */
  readonly remedy: string
}

/** Two sections of HAProxy would share the connections to an endpoint, and other services have their port already. */
export function portConflicts({ site, endpoint }: Model, all: readonly ServiceFrontend[]): PlanFinding[] {
  const { address, ports } = endpoint
  const own = (what: string, port: number, key: string): Listener => ({
    what,
    address,
    port,
    remedy: `set ${key} to another port, or give the load balancer a dedicated address`,
  })
  const taken: Listener[] = [
    own("this server's HTTP", ports.http, 'server.ports.http'),
    ...(site.dns.serve ? [own("this server's DNS", ports.dns, 'server.ports.dns')] : []),
  ]
  if (site.keepalived !== undefined) {
    const { healthPort } = site.keepalived
    const remedy = 'set keepalived.healthPort to another port'
    taken.push({ what: 'the health check of keepalived', address: loopback, port: healthPort, remedy })
  }
  const wanted = [
    ...all.flatMap(({ cluster, service, binds }) =>
      binds.map((bind) => ({ about: `haproxy, ${cluster}`, what: service, ...bind })),
    ),
    ...(site.haproxy?.stats?.bind ?? []).map((bind) => ({ about: 'haproxy', what: 'stats', ...bind })),
  ]
  return wanted.flatMap(({ about, what, endpoint: text, address, port }): PlanFinding[] => {
    const holder = taken.find((each) => each.port === port && what !== each.what && overlap(each, address))
    // Clusters share the frontends of a service.
    if (!taken.some((each) => each.what === what && each.port === port && each.address === address))
      taken.push({ what, address, port, remedy: 'give one of them another port' })
    if (holder === undefined) return []
    const message = `${what} needs ${text}, which is ${holder.what}: ${holder.remedy}`
    return [{ code: 'haproxy.port-conflict', severity: 'error', about, message }]
  })
}

const loopback = parseIpv4('127.0.0.1')

function overlap(holder: Listener, address: Ip | undefined): boolean {
  return holder.address === undefined || address === undefined || holder.address === address
}

/**
 * HAProxy does not start if an address is not on an interface of this machine, unless keepalived shares it. An IPv4
 * address outside of all subnets is most likely that of another machine.
 */
export function addressesElsewhere({ site }: Model, all: readonly ServiceFrontend[]): PlanFinding[] {
  if (site.keepalived !== undefined) return []
  const addressesByCluster = Map.groupBy(all, ({ cluster }) => cluster)
  return [...addressesByCluster].flatMap(([cluster, ends]) =>
    [...new Set(ends.flatMap(({ binds }) => binds.flatMap(({ address }) => address ?? [])))]
      .filter((address) => isIpv4(address) && address !== site.server.address)
      .filter((address) => subnetOf(site, address as Ipv4) === undefined)
      .map((address): PlanFinding => {
        const message = `${formatIp(address)} is not in a subnet of the site, and HAProxy does not start without it: add the address to an interface of this machine, or set loadBalancer.external if another machine has it`
        return {
          code: 'haproxy.address-elsewhere',
          severity: 'warning',
          about: `haproxy, ${cluster}`,
          message,
        }
      }),
  )
}
