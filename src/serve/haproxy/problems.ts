/** What is wrong with the load balancer now, as the status, `/health`, and the metrics report it. Pure. */
import type { ActiveProblem } from '../../text/codes.ts'
import { hasFailed, type HaproxyOutcome } from './apply.ts'
import type { BalancerState } from './balancer.ts'
import type { HaproxyCode } from './codes.ts'
import { isOutage } from './servers.ts'

const failedChanges: { readonly [outcome in HaproxyOutcome]?: string } = {
  refused: 'HAProxy rejected the new configuration and keeps the previous one',
  unwritable: 'the new HAProxy configuration cannot be written; HAProxy keeps the previous one',
  'reload failed': 'HAProxy reload failed; the previous configuration is restored',
}

/** Returns the result of the last change until one succeeds: until then HAProxy differs from the site. */
export function changeProblems({ applied, isChanging }: BalancerState): ActiveProblem[] {
  const { outcome, reason = 'see the log', code = 'server.haproxy-not-applied' } = applied
  const change = failedChanges[outcome] ?? `haproxy, ${outcome}`
  return [
    ...(isChanging === true
      ? [{ code: 'haproxy.change-in-progress', text: 'haproxy: the last change is still in progress' }]
      : []),
    ...(hasFailed(applied) || applied.reason !== undefined ? [{ code, text: `${change}: ${reason}` }] : []),
  ]
}

/** Returns what HAProxy reports, or why it does not report. */
export function serverProblems({ unreachable, servers }: BalancerState): ActiveProblem[] {
  const down: HaproxyCode = 'haproxy.server-down'
  return [
    ...(unreachable === undefined
      ? []
      : [{ code: 'haproxy.state-unavailable' satisfies HaproxyCode, text: unreachable }]),
    ...servers.filter(isOutage).map(({ sentence }) => ({ code: down, text: sentence })),
  ]
}
