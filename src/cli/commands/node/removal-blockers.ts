/** What speaks against taking nodes out of a site whose cluster lives, and what is left to do when it was done. Pure. */
import { formatDuration } from '../../../text/duration.ts'
import type { Role } from '../../../site/schema.ts'
import type { MemberReport } from '../../../cluster/report.ts'
import type { BalancedServer } from '../../client.ts'

/** A node that is to go. */
export type Leaver = {
  readonly key: string
  readonly role: Role
  readonly fqdn: string
  /** For how long DHCP lends it its address; undefined where another server does. */
  readonly leaseSeconds: number | undefined
  readonly member: MemberReport
}

/** Why only `--force` takes them out: sentences. */
export function removalBlockers(leavers: readonly Leaver[], servers: readonly BalancedServer[]): string[] {
  const keys = new Set(leavers.map(({ key }) => key))
  const held = leavers
    .filter(({ role, member }) => isControlPlane(role) && member.state !== 'absent')
    .map(({ key, member }) => {
      const known =
        member.state === 'unknown' ? 'nobody knows whether its cluster has it' : 'its cluster has it'
      return `${key} is of the control plane, and ${known}: without it etcd may lose its quorum`
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

/** What a person has to do: the site only says who a machine is to the network. */
export function manualSteps({ key, role, fqdn, leaseSeconds, member }: Leaver): string[] {
  const lease =
    leaseSeconds === undefined
      ? ''
      : `: it keeps its address for ${formatDuration(leaseSeconds * 1000)} at most`
  const off = `power ${key} off${lease}`
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
