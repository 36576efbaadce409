/** The addresses of a cluster's names: those of its load balancer, or of the node with the role single. */
import type { Ip } from '../proto/address/ip.ts'
import type { Cluster, Node } from './schema.ts'

export type ClusterEndpoints = {
  readonly api: readonly Ip[]
  readonly apiInternal: readonly Ip[]
  readonly ingress: readonly Ip[]
}

/** The rules require a load balancer or a node with the role single. */
export function endpointsOf({
  loadBalancer,
  nodes,
}: Pick<Cluster, 'loadBalancer' | 'nodes'>): ClusterEndpoints {
  if (loadBalancer !== undefined) {
    const { api, apiInternal = api, ingress } = loadBalancer
    return { api, apiInternal, ingress }
  }
  const { address: own } = nodes.find(({ role }) => role === 'single') as Node
  return { api: own, apiInternal: own, ingress: own }
}
