/**
 * Compares two compiled sites: what an administrator sees before a change takes effect (`slipway plan`), and after it
 * (`slipway reload`, `slipway rollback`). Runs in steps, like compiling. Pure.
 */
import type { ApiPlan } from '../api.ts'
import type { Endpoint } from '../model.ts'
import { runSteps } from '../steps.ts'
import type { Change, Changes, CompiledSite, Effect } from './change.ts'
import { compareFiles } from './files.ts'
import { compareMachines } from './machines.ts'
import { compareDns, compareSubnets } from './network.ts'
import { compareServed } from './served.ts'
import { compareBalancer, compareServer } from './services.ts'

export function compareSites(before: CompiledSite, after: CompiledSite): Changes {
  return runSteps(compareSteps(before, after))
}

/** Compares as {@link compareSites} does, with a pause after each step. */
export function* compareSteps(before: CompiledSite, after: CompiledSite): Generator<void, Changes> {
  const [old, next] = [before.model.site, after.model.site]
  const items: Change[] = [
    ...(yield* compareServer(old, next)),
    ...(yield* compareSubnets(old, next)),
    ...(yield* compareMachines(before, after)),
    ...(yield* compareDns(before.plan.dns, after.plan.dns)),
    ...(yield* compareBalancer(before, after)),
    ...(yield* compareFiles(before.model, after.model)),
    ...(yield* compareServed(before.model, after.model)),
  ]
  return { items, restart: needsRestart(before, after) }
}

/** Returns why a running process cannot apply a site: its sockets are already bound, and its store is connected. */
export function needsRestart(before: CompiledSite, after: CompiledSite): Effect[] {
  const [old, next] = [before.plan, after.plan]
  const reasons: string[] = []
  if (JSON.stringify(before.model.site.store) !== JSON.stringify(after.model.site.store)) {
    reasons.push('store changed: restart the service to connect to it')
  }
  if (listenerOf(old.api) !== listenerOf(next.api)) {
    reasons.push('api changed: restart the service to listen with the new settings')
  }
  if (addressesOf(old.endpoint) !== addressesOf(next.endpoint)) {
    reasons.push('server.address, server.address6, or server.ports changed: restart the service to bind them')
  }
  if (JSON.stringify(old.http.tls) !== JSON.stringify(next.http.tls)) {
    reasons.push('server.tls changed: restart the service to use the new settings')
  }
  if (old.dhcp.proxyPort !== next.dhcp.proxyPort) {
    reasons.push(
      'the only subnet with dhcp: proxy was added or removed: restart the service to open or close its socket',
    )
  }
  if ((old.dhcpv6 === undefined) !== (next.dhcpv6 === undefined)) {
    reasons.push('subnets6 was added or removed: restart the service to open or close its socket')
  }
  if ((old.dns === undefined) !== (next.dns === undefined)) {
    reasons.push('dns.serve changed: restart the service to open or close the sockets')
  }
  if (syslogPort(before) !== syslogPort(after)) {
    reasons.push(
      'syslog was added or removed, or its port changed: restart the service to open or close its sockets',
    )
  }
  return reasons.map((text) => ({ code: 'plan.restart-needed', text }))
}

function syslogPort({ plan }: CompiledSite): number | undefined {
  return plan.syslog?.port
}

function addressesOf({ address, address6, ports }: Endpoint): string {
  return JSON.stringify([address, address6, ports])
}

/** Returns what a running process cannot change: only names and users take effect with a reload. */
function listenerOf(api: ApiPlan | undefined): string {
  return JSON.stringify([api?.address, api?.port, api?.files, api?.clients?.ca, api?.proxy?.socket])
}
