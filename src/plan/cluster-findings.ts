/** What is probably not intended in a cluster: its number of control-plane nodes, and its domain. */
import { masterCount } from '../site/declared.ts'
import type { Cluster } from '../site/schema.ts'
import type { PlanFinding } from './codes.ts'
import type { Model } from './model.ts'

export function clusterFindings({ site }: Model): PlanFinding[] {
  return site.clusters.flatMap((cluster) => [...controlPlaneSize(cluster), ...repeatedName(cluster)])
}

/** etcd needs a majority, so a second member lowers the availability. */
function controlPlaneSize(cluster: Cluster): PlanFinding[] {
  if (masterCount(cluster) !== 2) return []
  const message =
    'it has 2 control-plane nodes, and OpenShift needs 1 or 3: add a node with the role master, or remove one'
  return [finding('cluster.control-plane-size', cluster, message)]
}

function repeatedName(cluster: Cluster): PlanFinding[] {
  const { name, domain } = cluster
  if (!`${domain}.`.startsWith(`${name}.`)) return []
  const message = `domain repeats the name of the cluster, so the API is api.${name}.${domain}: remove ${name}. from domain if the API should be api.${domain}`
  return [finding('cluster.domain-repeats-name', cluster, message)]
}

function finding(code: PlanFinding['code'], { name }: Cluster, message: string): PlanFinding {
  return { code, severity: 'warning', about: `cluster ${name}`, message }
}
