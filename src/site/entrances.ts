/** Where a cluster's own names lead: to its load balancer, or to the one node that is its control plane. */
import type { Ip } from '../proto/address/ip.ts'
import type { Cluster } from './schema.ts'

export type Entrances = {
  readonly api: readonly Ip[]
  readonly apiInternal: readonly Ip[]
  readonly ingress: readonly Ip[]
}

/** All empty where the site says nothing of them, which its rules allow only while they find other flaws. */
export function entrancesOf({ loadBalancer, nodes }: Pick<Cluster, 'loadBalancer' | 'nodes'>): Entrances {
  if (loadBalancer !== undefined) {
    const { api, apiInternal = api, ingress } = loadBalancer
    return { api, apiInternal, ingress }
  }
  const own = nodes.find(({ role }) => role === 'single')?.address ?? []
  return { api: own, apiInternal: own, ingress: own }
}
