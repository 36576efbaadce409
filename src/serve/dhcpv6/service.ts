/** The DHCPv6 service: counts, logs, and reports what it sees of nodes. A lane, or the main thread where there is none, answers. */
import { createEventLimiter } from '../../host/connection-limits.ts'
import type { LaneState } from '../../host/lane/planned.ts'
import { RecentMap } from '../../host/recent-map.ts'
import type { Service } from '../../host/udp.ts'
import type { Observe } from '../../install/observation.ts'
import { formatMinute } from '../../plan/ignition/findings.ts'
import type { Ipv6 } from '../../proto/address/ip.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import type { Dhcpv6Code } from './codes.ts'
import type { Done, Handled } from './handle.ts'
import { listen, type ListenOptions } from './listen.ts'
import type { Dhcpv6Context, Dhcpv6Result } from './respond.ts'

export type Dhcpv6Options = ListenOptions & { readonly observe: Observe }

export type Dhcpv6Service = Service & {
  /** Serves the links of the active plan. Resolves when all answers come from it; never rejects. */
  apply(): Promise<void>
  /** Records what the lane has done up to now: call it before anything that a client does after an answer. */
  drain(): void
  readonly lane: LaneState
  /** The interfaces on which clients are served. */
  links(): readonly string[]
  /** Addresses that other machines use. */
  problems(): readonly ActiveProblem[]
}

const logIntervalMs = 10 * 60_000
/** How long a declined address is a problem, as for IPv4. */
const shownForMs = 3_600_000

/** @throws {CannotListen} when the socket cannot be opened */
export async function startDhcpv6(options: Dhcpv6Options): Promise<Dhcpv6Service> {
  const { clock, counters, log, observe } = options
  const limit = createEventLimiter(clock)
  /** When undeclared machines were logged. */
  const loggedAt = new RecentMap<string, number>()
  /** When each node last declined its address, in milliseconds since 1970. */
  const declined = new RecentMap<
    string,
    { readonly address: Ipv6; readonly node: string; readonly at: number }
  >()
  const listening = await listen(options, record)

  /** Counts, logs, and observes what was done. */
  function record(done: Done): void {
    if (done.kind === 'handled') {
      recordHandled(done.handled, done.repeated)
      return
    }
    counters.increment('dhcpv6.unsent')
    log.error({ ...done.about, ...refused('dhcpv6.reply-not-sent'), err: done.error }, 'reply not sent')
  }

  function recordHandled(handled: Handled, repeated: number | undefined): void {
    if (handled.kind === 'result') {
      recordResult(handled, repeated)
      return
    }
    const { client } = handled
    if (handled.kind === 'malformed') {
      counters.increment('dhcpv6.malformed')
      log.debug({ client, ...refused('dhcpv6.malformed'), reason: handled.reason }, 'malformed packet')
      return
    }
    const { packet, error } = handled
    counters.increment('dhcpv6.failed')
    log.error({ client, ...refused('dhcpv6.internal-error'), err: error, packet }, 'packet handling failed')
  }

  /** @param repeated how often it was repeated, if it was recorded before and only repeated since */
  function recordResult(
    { result, isOverBudget }: Extract<Handled, { kind: 'result' }>,
    repeated: number | undefined,
  ): void {
    const { kind, about } = result
    const times = repeated ?? 1
    if (about.code !== undefined) counters.refuse(about.code, times)
    counters.increment(counterOf[kind], times)
    if (!('octets' in result)) {
      if (kind === 'unknown-client') recordUnknown(about)
      else limit(`${about.node} ${about.code}`, (count) => log.info({ ...about, count }, messageOf[kind]))
      return
    }
    if (isOverBudget) {
      counters.increment('dhcpv6.overBudget', times)
      return
    }
    const { address, node = '' } = about
    if (kind === 'declined' && address !== undefined) {
      declined.set(node, { address, node, at: clock.now() })
      log.warn({ ...about, repeated }, 'IPv6 address declined: another machine uses it')
    } else log.info({ ...about, repeated }, messageOf[kind])
    if (result.seen !== undefined) observe(result.seen, repeated)
  }

  /** Logs an undeclared machine every ten minutes, and a flood of them every ten seconds. */
  function recordUnknown(about: Dhcpv6Context): void {
    const message = messageOf['unknown-client']
    const key = about.mac ?? about.duid ?? ''
    const now = clock.monotonic()
    if (now - (loggedAt.get(key) ?? -Infinity) < logIntervalMs) {
      log.debug(about, message)
      return
    }
    limit('undeclared', (count) => {
      log.info({ ...about, count }, message)
      loggedAt.set(key, now)
    })
  }

  /** Counts the code of a refusal, and returns it as a field of the log line. */
  function refused(code: Dhcpv6Code): { readonly code: Dhcpv6Code } {
    counters.refuse(code)
    return { code }
  }

  return {
    name: 'dhcpv6',
    listening: listening.listening,
    lane: listening.lane,
    apply: () => listening.apply(),
    drain: () => listening.drain(),
    links: () => listening.links.names(),
    problems: () =>
      declined
        .values()
        .filter(({ at }) => clock.now() - at < shownForMs)
        .map(({ address, node, at }) => {
          const code: Dhcpv6Code = 'dhcpv6.address-declined'
          const text = `another machine uses ${address}, the address of ${node}, last at ${formatMinute(at)}`
          return { code, text }
        }),
    close: () => listening.close(),
  }
}

const counterOf: Readonly<Record<Dhcpv6Result['kind'], string>> = {
  advertised: 'dhcpv6.advertised',
  replied: 'dhcpv6.replied',
  informed: 'dhcpv6.informed',
  confirmed: 'dhcpv6.confirmed',
  released: 'dhcpv6.released',
  declined: 'dhcpv6.declined',
  ignored: 'dhcpv6.ignored',
  'unknown-client': 'dhcpv6.unknownClients',
}

const messageOf: Readonly<Record<Dhcpv6Result['kind'], string>> = {
  advertised: 'IPv6 address offered',
  replied: 'IPv6 address acknowledged',
  informed: 'parameters sent',
  confirmed: 'IPv6 addresses checked',
  released: 'IPv6 address released',
  declined: 'IPv6 address declined',
  ignored: 'message ignored',
  'unknown-client': 'undeclared client refused',
}
