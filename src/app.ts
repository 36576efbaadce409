/**
 * The whole program on one page: a site file becomes a plan, the services answer from it, a reload
 * replaces it. One process; when one service loses its socket, all end and systemd starts them again.
 */
import { systemClock, type Clock } from './host/clock.ts'
import { Counters } from './host/counters.ts'
import type { Log } from './host/log.ts'
import type { Service } from './host/service.ts'
import type { Sockets } from './host/udp.ts'
import { ignitionFindings } from './plan/ignition/findings.ts'
import type { Plan } from './plan/plan.ts'
import { explain, prepare } from './prepare.ts'
import { startDhcp, type DhcpService } from './serve/dhcp/service.ts'
import { startDns, type DnsService } from './serve/dns/service.ts'
import { applyHaproxy } from './serve/haproxy/apply.ts'
import { startHttp } from './serve/http/service.ts'
import { startTftp } from './serve/tftp/service.ts'

export type AppOptions = {
  readonly sitePath: string
  /** What {@link prepare} made of that file. */
  readonly plan: Plan
  readonly log: Log
  readonly sockets: Sockets
  readonly clock?: Clock
  /** Called once when a service lost its socket: the process should end. */
  readonly onLost: (error: Error) => void
}

export type App = {
  plan(): Plan
  readonly services: readonly Service[]
  readonly counters: Counters
  /** Prepares the site file anew and swaps the plan; when that fails the old plan keeps serving and the log says why. */
  reload(): Promise<'swapped' | 'kept'>
  /** Ends transfers in flight within `graceMs`, then closes every socket. */
  close(graceMs: number): Promise<void>
}

/** @throws {CannotListen} when a socket cannot be had; sockets opened before are closed again */
export async function startApp(options: AppOptions): Promise<App> {
  const { log, sockets, onLost, clock = systemClock } = options
  const counters = new Counters()
  const startedAt = clock.monotonic()
  let plan = options.plan
  let reloading: Promise<unknown> = Promise.resolve()

  const common = { sockets, counters, clock, onLost }
  const services: Service[] = []
  let dhcp: DhcpService | undefined
  let dns: DnsService | undefined

  const close = async (graceMs: number): Promise<void> => {
    await Promise.all(services.map((service) => service.close(graceMs)))
  }
  try {
    if (plan.dns !== undefined) {
      let zones = plan.dns
      // A reload that takes the zones away is refused, so there always are some.
      dns = await startDns({ ...common, plan: () => (zones = plan.dns ?? zones), log: log.for('dns') })
      services.push(dns)
    }
    services.push(await startTftp({ ...common, plan: () => plan.tftp, log: log.for('tftp') }))
    services.push(await startHttp({ ...common, plan: () => plan.http, log: log.for('http'), health }))
    // DHCP comes last: nobody is sent to a service that does not listen yet.
    dhcp = await startDhcp({ ...common, plan: () => plan.dhcp, log: log.for('dhcp') })
    services.push(dhcp)
  } catch (error) {
    await close(0)
    throw error
  }
  await take(plan)

  async function take(next: Plan): Promise<void> {
    plan = next
    dns?.announce()
    for (const { severity, about, message } of [...plan.findings, ...ignitionFindings(plan, clock.now())]) {
      const facts = { about, reason: message }
      if (severity === 'error') log.error(facts, 'a part of the site cannot be served')
      else log.warn(facts, 'a part of the site may not be meant so')
    }
    await applyHaproxy(plan.haproxy, { log: log.for('haproxy'), counters })
  }

  async function reload(): Promise<'swapped' | 'kept'> {
    const prepared = await prepare(options.sitePath, plan)
    const refusals = prepared.kind === 'ready' ? needsRestart(plan, prepared.plan) : explain(prepared)
    for (const reason of refusals) log.error({ reason }, 'site not reloaded, the old plan keeps serving')
    if (prepared.kind !== 'ready' || refusals.length > 0) {
      counters.increment('app.reloadsRefused')
      return 'kept'
    }
    await take(prepared.plan)
    counters.increment('app.reloads')
    log.info({ site: plan.site, nodes: plan.nodes.length }, 'site reloaded')
    return 'swapped'
  }

  function health(): Record<string, unknown> {
    return {
      site: plan.site,
      nodes: plan.nodes.length,
      uptimeSeconds: Math.round((clock.monotonic() - startedAt) / 1000),
      listening: services.flatMap((service) => service.listening.map((where) => `${service.name} ${where}`)),
      counters: counters.snapshot(),
      strangers: dhcp?.strangers().map(withTimes) ?? [],
      ...(dns && { resolvers: dns.resolvers(), dnsCache: dns.cache() }),
      declined: dhcp?.declined().map(withTimes) ?? [],
      otherDhcpServers: dhcp?.otherServers().map(withTimes) ?? [],
    }
  }

  return {
    plan: () => plan,
    services,
    counters,
    // One reload at a time: a second SIGHUP waits until the first is applied.
    reload: () => {
      const next = reloading.then(reload)
      reloading = next.catch(() => {})
      return next
    },
    close,
  }
}

/** What a running process cannot take over, because its sockets are bound already. */
function needsRestart(old: Plan, next: Plan): string[] {
  const reasons: string[] = []
  if (JSON.stringify(old.endpoint) !== JSON.stringify(next.endpoint)) {
    reasons.push('server.address or server.ports changed: restart the service to bind them')
  }
  if ((old.dns === undefined) !== (next.dns === undefined)) {
    reasons.push('dns.serve changed: restart the service to open or close the sockets')
  }
  return reasons
}

/** Times as people read them. */
function withTimes(seen: object): Record<string, unknown> {
  const isTime = (name: string) => name.endsWith('Seen')
  const text = (value: unknown) => new Date(value as number).toISOString()
  return Object.fromEntries(
    Object.entries(seen).map(([name, value]) => [name, isTime(name) ? text(value) : value]),
  )
}
