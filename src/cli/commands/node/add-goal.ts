/**
 * What `slipway node add` is to bring about: whether the node is armed for it, when it has come so far, and what a
 * person may want next. Pure.
 */
import type { NodeDetails } from '../../../install/reports.ts'
import type { Refusal } from '../../poll.ts'
import { isRegistered, memberOf, type Goal, type NodeSnapshot } from '../../node-snapshot.ts'

export function endOf({ story, cluster }: NodeSnapshot, goal: Goal): 'done' | Refusal | undefined {
  const { node, mode, reason } = story
  const member = memberOf(cluster, node)
  switch (mode) {
    case 'install':
    case 'installing':
      return undefined
    case 'failed':
      return { kind: 'refused', reason: `${node} failed; slipway node show ${node} tells its way` }
    case 'installed':
      return goal === 'installed' || member.state === 'ready' ? 'done' : undefined
    case 'local':
    case 'menu':
      if (member.state === 'absent') {
        return { kind: 'refused', reason: `${node} is not to be installed: its mode is ${mode}, ${reason}` }
      }
      return goal === 'installed' || member.state === 'ready' ? 'done' : undefined
  }
}

/**
 * Whether the node has to be armed. A machine that was seen before may have a system on its disk, so a person has to
 * say that it may be written.
 *
 * @param beganAt when the command began: until its entry is served, a machine may be seen that waits for it
 */
export function decideArming({ story, cluster }: NodeSnapshot, beganAt: number): 'arm' | 'go on' | Refusal {
  const { node, mode, reason, lastSeen } = story
  if (mode === 'install' || mode === 'installing' || mode === 'installed') return 'go on'
  if (isRegistered(memberOf(cluster, node))) return 'go on'
  if (lastSeen === undefined || lastSeen >= beganAt) return 'arm'
  const advice = `slipway node install ${node} arms it, if its disk may be written`
  return {
    kind: 'refused',
    reason: `${node} was seen before, and its mode is ${mode} (${reason}): ${advice}`,
  }
}

/** What a person may want when the command has come to its end. */
export function nextSteps({ node, role, fqdn }: NodeDetails, reached: 'armed' | Goal): string[] {
  switch (reached) {
    case 'armed':
      return [
        `power ${node} on, with the network before the disk in its boot order`,
        `slipway status --watch shows its way; the same command without --until follows it to Ready`,
      ]
    case 'installed':
      if (role === 'bootstrap') return ['slipway wait bootstrap-complete SITE follows its work']
      return [
        `it starts from its disk and asks its cluster for two certificates: slipway csr list`,
        `the same command without --until follows it to Ready`,
      ]
    case 'ready':
      return [
        ...(role === 'infra'
          ? [`oc label node ${fqdn} node-role.kubernetes.io/infra= lets the routers be moved to it`]
          : []),
        `network boots lead to its disk from now on; slipway node show ${node} tells its whole way`,
      ]
  }
}
