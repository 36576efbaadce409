/** Reasons not to remove nodes of a running cluster, and what is left to do by hand after their removal. Pure. */
import { findNode, namedNodes } from '../plan/find-node.ts'
import { reservedAddress, subnetOf } from '../plan/model.ts'
import { declaredNodes, isGroup } from '../site/declared.ts'
import type { Role, Site } from '../site/schema.ts'
import { formatDuration } from '../text/format.ts'
import type { MemberReport } from './report.ts'

/** A server in the load balancer. */
type RemovalServer = { readonly node: string; readonly backend: string; readonly isUp: boolean }

export type RemovedNode = {
  readonly key: string
  /** Undefined for a machine of a group. */
  readonly role: Role | undefined
  readonly fqdn: string
  /** Lease time of its address; undefined where another server runs DHCP. */
  readonly leaseSeconds: number | undefined
  readonly member: MemberReport
}

/**
 * Returns the keys of the named nodes, each once; or a sentence about a name that no node has.
 *
 * @param draining keys of nodes that are removed from the site but not yet drained
 */
export function keysToRemove(
  names: readonly string[],
  { clusters, groups }: Pick<Site, 'clusters' | 'groups'>,
  draining: readonly string[],
): string[] | string {
  const declared = [...clusters, ...groups].flatMap((owner) =>
    owner.nodes.map(({ name }) => `${owner.name}/${name}`),
  )
  const nodes = namedNodes([...new Set([...declared, ...draining])])
  const found = names.map((name) => findNode(nodes, name.toLowerCase()))
  const unknown = found.find((each) => typeof each === 'string')
  if (unknown !== undefined) return unknown
  return [...new Set(found.map((each) => (each as { readonly key: string }).key))]
}

/** Describes those of the nodes that the site declares. @param memberOf how the cluster of a node reports it */
export async function describeRemoved(
  site: Site,
  keys: readonly string[],
  memberOf: (cluster: string, key: string) => Promise<MemberReport> | MemberReport,
): Promise<RemovedNode[]> {
  const nodes: RemovedNode[] = []
  for (const { cluster: owner, node, fqdn } of declaredNodes(site)) {
    const key = `${owner.name}/${node.name}`
    if (!keys.includes(key)) continue
    const address = reservedAddress(node)
    const subnet = address === undefined ? undefined : subnetOf(site, address)
    nodes.push({
      key,
      role: 'role' in node ? node.role : undefined,
      fqdn,
      leaseSeconds: subnet?.dhcp === 'full' ? subnet.leaseSeconds : undefined,
      // A machine of a group belongs to no cluster.
      member: isGroup(owner) ? { node: key, state: 'absent' } : await memberOf(owner.name, key),
    })
  }
  return nodes
}

/** Returns the reasons why only `--force` removes the nodes. */
export function removalBlockers(nodes: readonly RemovedNode[], servers: readonly RemovalServer[]): string[] {
  const keys = new Set(nodes.map(({ key }) => key))
  const held = nodes
    .filter(({ role, member }) => hasEtcdMember(role) && member.state !== 'absent')
    .map(({ key, member }) => {
      const known =
        member.state === 'unknown' ? 'its state in the cluster is unknown' : 'its cluster still has it'
      return `${key} is a control-plane node, and ${known}: without it etcd can lose its quorum`
    })
  const backends = new Set(
    servers.filter(({ node, isUp }) => isUp && keys.has(node)).map((each) => each.backend),
  )
  const last = [...backends]
    .filter(
      (backend) => !servers.some((each) => each.backend === backend && each.isUp && !keys.has(each.node)),
    )
    .map((backend) => `no other server of ${backend} is up`)
  return [...held, ...last]
}

/** Returns the steps that slipway does not take: the site only identifies machines on the network. */
export function manualSteps({ key, role, fqdn, leaseSeconds, member }: RemovedNode): string[] {
  const lease =
    leaseSeconds === undefined
      ? ''
      : `: it keeps its address for up to ${formatDuration(leaseSeconds * 1000)}`
  const off = `power off ${key}${lease}`
  if (role === 'bootstrap' || member.state === 'absent') return [off]
  return [
    ...(hasEtcdMember(role) ? [`remove the etcd member of ${key} before anything else`] : []),
    `oc adm drain ${fqdn} --ignore-daemonsets --delete-emptydir-data`,
    off,
    `oc delete node ${fqdn}`,
  ]
}

function hasEtcdMember(role: Role | undefined): boolean {
  return role === 'master' || role === 'arbiter' || role === 'single'
}
