/**
 * The goal of `slipway node add`: whether to arm the node, when the goal is reached, and what to do next. Pure.
 */
import type { NodeDetails } from '../../../install/reports.ts'
import type { Refusal } from '../../poll.ts'
import { isRegistered, memberOf, type Goal, type NodeSnapshot } from '../../node-snapshot.ts'

export function endOf({ details, cluster }: NodeSnapshot, goal: Goal): 'done' | Refusal | undefined {
  const { node, mode, reason } = details
  const member = memberOf(cluster, node)
  switch (mode) {
    case 'install':
    case 'installing':
      return undefined
    case 'failed':
      return {
        kind: 'refused',
        reason: `the installation of ${node} failed; "slipway node show ${node}" shows its steps`,
      }
    case 'installed':
      return goal === 'installed' || member.state === 'ready' ? 'done' : undefined
    case 'local':
    case 'menu':
      if (member.state === 'absent') {
        return {
          kind: 'refused',
          reason: `${node} will not be installed: its boot mode is ${mode} (${reason})`,
        }
      }
      return goal === 'installed' || member.state === 'ready' ? 'done' : undefined
  }
}

/**
 * Decides whether to arm the node. A machine that was seen before can have a system on its disk, so an administrator has
 * to allow that slipway overwrites it.
 *
 * @param startedAt when the command started: a machine that waits for its entry can be seen before it is served
 */
export function decideArming(
  { details, cluster }: NodeSnapshot,
  startedAt: number,
): 'arm' | 'continue' | Refusal {
  const { node, mode, reason, code, lastSeen } = details
  if (mode === 'install' || mode === 'installing' || mode === 'installed') return 'continue'
  if (isRegistered(memberOf(cluster, node))) return 'continue'
  // A code names the reason not to install it: evidence, or state that was lost.
  if (code === undefined && (lastSeen === undefined || lastSeen >= startedAt)) return 'arm'
  const advice = `if slipway can overwrite its disk, run "slipway node install ${node}"`
  return {
    kind: 'refused',
    reason: `${node} was seen before, and its boot mode is ${mode} (${reason}): ${advice}`,
  }
}

/** Returns what the administrator can do after the goal was reached. */
export function nextSteps({ node, role, fqdn }: NodeDetails, reached: 'armed' | Goal): string[] {
  switch (reached) {
    case 'armed':
      return [
        `power on ${node}, with the network before the disk in its boot order`,
        `follow it with "slipway status --watch", or run this command without --until`,
      ]
    case 'installed':
      if (role === 'bootstrap') return ['wait for it with "slipway wait bootstrap-complete"']
      return [
        'it starts from its disk and requests two certificates: see "slipway csr list"',
        'run this command without --until to follow it until it is Ready',
      ]
    case 'ready':
      return [
        ...(role === 'infra'
          ? [`to move routers to it, run "oc label node ${fqdn} node-role.kubernetes.io/infra="`]
          : []),
        `its network boots now start the system on its disk; "slipway node show ${node}" shows all steps`,
      ]
  }
}
