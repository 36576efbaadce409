/** Reasons not to remove nodes of a running cluster, and what is left to do by hand after their removal. Pure. */
import { formatDuration } from '../../../text/duration.ts'
import type { Role } from '../../../site/schema.ts'
import type { MemberReport } from '../../../cluster/report.ts'
import type { BalancedServer } from '../../client.ts'

export type RemovedNode = {
  readonly key: string
  readonly role: Role
  readonly fqdn: string
  /** Lease time of its address; undefined where another server runs DHCP. */
  readonly leaseSeconds: number | undefined
  readonly member: MemberReport
}

/** Returns the reasons why only `--force` removes the nodes. */
export function removalBlockers(nodes: readonly RemovedNode[], servers: readonly BalancedServer[]): string[] {
  const keys = new Set(nodes.map(({ key }) => key))
  const held = nodes
    .filter(({ role, member }) => isControlPlane(role) && member.state !== 'absent')
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
    ...(isControlPlane(role) ? [`remove the etcd member of ${key} before anything else`] : []),
    `oc adm drain ${fqdn} --ignore-daemonsets --delete-emptydir-data`,
    off,
    `oc delete node ${fqdn}`,
  ]
}

function isControlPlane(role: Role): boolean {
  return role === 'master' || role === 'single'
}
