/** What is wrong with the load balancer now, as the status, `/health`, and the metrics report it. Pure. */
import type { ActiveProblem, Finding } from '../../text/codes.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { hasFailed, type HaproxyOutcome } from './apply.ts'
import type { BalancerState } from './balancer.ts'
import type { HaproxyCode } from './codes.ts'
import type { DrainedNode } from './drained.ts'
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

/** Returns the addresses that HAProxy cannot listen on; with keepalived, it listens before they arrive. */
export function addressProblems(
  { frontends, healthPort }: Pick<HaproxyPlan, 'frontends' | 'healthPort'>,
  isPresent: (address: string) => boolean,
): ActiveProblem[] {
  if (healthPort !== undefined) return []
  const code: HaproxyCode = 'haproxy.address-missing'
  const addresses = new Set(frontends.flatMap(({ binds }) => binds.map(addressOf)))
  return [...addresses]
    .filter((address) => !everyAddress.has(address))
    .filter((address) => !isPresent(address))
    .map((address) => ({
      code,
      text: `HAProxy cannot listen on ${address}, because no interface of this machine has it: add it to one, or set loadBalancer.external if another machine has it`,
    }))
}

const everyAddress: ReadonlySet<string> = new Set(['*', '0.0.0.0', '::'])

/** `192.0.2.1:6443`, `[2001:db8::1]:6443 transparent` */
function addressOf(bind: string): string {
  return bind.replace(/:\d+(?: .*)?$/, '').replace(/^\[(.*)\]$/, '$1')
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

/** Returns a reminder of a node that an administrator drained. */
export function drainWarning({ node, since, by }: DrainedNode): Finding {
  const code: HaproxyCode = 'haproxy.node-drained'
  const at = `${new Date(since).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const message = `drained by ${by} since ${at}: to send it connections again, run "slipway node enable ${node}"`
  return { severity: 'warning', code, about: node, message }
}
