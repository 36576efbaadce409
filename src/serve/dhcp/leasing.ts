/**
 * Decides on which networks slipway leases addresses: not where another DHCP server answers. It sends a DISCOVER as a relay
 * agent does (RFC 2131 §4.1): servers send their offers to the server port of this machine, and no port of clients is
 * needed, which only root can open.
 */
import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import type { InterfaceAddresses } from '../../host/attached-networks.ts'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { Sockets, UdpPort } from '../../host/udp.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import { cidrContains, formatCidr, formatIpv4, parseIpv4, type Cidr } from '../../proto/address/ip.ts'
import { createDhcpProbe, encodeDhcpProbe, type DhcpOffer, type DhcpProbe } from '../../proto/dhcp/probe.ts'
import type { ActiveProblem, Finding } from '../../text/codes.ts'
import type { DhcpCode } from './codes.ts'
import type { ProbeRecord } from './probe-record.ts'
import type { Withheld } from './withhold.ts'

export type LeasingOptions = {
  readonly plan: () => Pick<DhcpPlan, 'server' | 'peers' | 'serverPort' | 'probed' | 'segments'>
  readonly sockets: Pick<Sockets, 'bindUdp' | 'isAdopted'>
  readonly clock: Clock
  readonly log: Log
  readonly interfaces?: () => InterfaceAddresses
  readonly environment?: NodeJS.ProcessEnv
  readonly record: ProbeRecord
  /** Called when {@link Leasing.withheld} has changed. */
  readonly changed: () => void
}

export type Leasing = {
  /** The same list until it changes. */
  withheld(): readonly Withheld[]
  /** Probes the networks that are new in the active plan; called at the start, and after each reload. */
  apply(): void
  /** Receives an offer that another server sent to this machine. */
  receive(offer: DhcpOffer): void
  problems(): ActiveProblem[]
  /** Returns which networks could not be probed. */
  warnings(): Finding[]
  close(): void
}

/** For tests beside other servers; a site has `otherDhcpServers: allow`. */
const switchName = 'SLIPWAY_DHCP_PROBE'

/** A DISCOVER can be lost. */
const sentAtMs = [0, 1000]
/** Servers check that an address is free before they offer it: ISC dhcpd for 1 s, udhcpd for 2 s, dnsmasq for 3 s. */
export const probeMs = 4000
/** A network with another server is probed again after this time. */
export const probeAgainMs = 30_000

/** An address of this machine, and the networks that share its link. */
type Link = {
  readonly source: string
  readonly interface: string
  readonly networks: readonly Cidr[]
  /** Identifies the link in the record. */
  readonly key: string
}

type State = {
  readonly link: Link
  /** `probing`: no address is offered until the first probe has ended. */
  leases: 'probing' | 'yes' | 'no'
  /** Servers of the last probe that found any. */
  servers: readonly string[]
  /** Why the last probe was not sent. */
  failure?: string | undefined
  timers: Timer[]
}

export function createLeasing(options: LeasingOptions): Leasing {
  const { plan, sockets, clock, log, record, changed, environment = process.env } = options
  const { interfaces = networkInterfaces } = options
  const states = new Map<string, State>()
  const probes = new Map<
    number,
    { readonly probe: DhcpProbe; readonly state: State; readonly found: Set<string> }
  >()
  let withheld: readonly Withheld[] = []
  let isClosed = false

  function refresh(): void {
    const next = [...states.values()].flatMap(withheldOf)
    if (JSON.stringify(next) === JSON.stringify(withheld)) return
    withheld = next
    changed()
  }

  function facts({ link }: State) {
    return { networks: link.networks.map(formatCidr), interface: link.interface }
  }

  /** Sends a probe and evaluates it after {@link probeMs}. */
  async function run(state: State): Promise<void> {
    const probe = createDhcpProbe(randomBytes)
    const found = new Set<string>()
    const { source } = state.link
    let sender: UdpPort
    try {
      sender = await sockets.bindUdp({ address: source, port: 0, broadcast: true })
    } catch (error) {
      fail(state, error as Error)
      evaluate(state, [])
      return
    }
    const end = (): void => {
      probes.delete(probe.xid)
      void sender.close()
    }
    if (isClosed || !states.has(state.link.key)) {
      end()
      return
    }
    probes.set(probe.xid, { probe, state, found })
    const message = encodeDhcpProbe(probe, parseIpv4(source))
    const send = (): void =>
      sender.send(message, '255.255.255.255', plan().serverPort, (error) => fail(state, error))
    state.failure = undefined
    state.timers = [
      ...sentAtMs.map((at) => clock.after(at, send)),
      clock.after(probeMs, () => {
        end()
        evaluate(state, [...found])
      }),
      { cancel: end },
    ]
  }

  /** Leases without a probe that cannot be sent, for example because of a firewall: replies may still leave. */
  function fail(state: State, error: Error): void {
    if (state.failure === undefined) {
      log.warn(
        { code: 'dhcp.not-probed' satisfies DhcpCode, ...facts(state), err: error },
        'probe for DHCP servers not sent',
      )
    }
    state.failure = error.message
  }

  function evaluate(state: State, servers: readonly string[]): void {
    if (servers.length > 0) {
      refuse(state, servers)
    } else {
      if (state.leases !== 'yes') log.info(facts(state), 'no other DHCP server found, leasing')
      state.leases = 'yes'
      if (state.failure === undefined) record.keep(state.link.key)
      refresh()
    }
    if (state.leases === 'no' || state.failure !== undefined) {
      state.timers = [clock.after(probeAgainMs, () => void run(state))]
    }
  }

  function refuse(state: State, servers: readonly string[]): void {
    if (state.leases !== 'no' || servers.join() !== state.servers.join()) {
      const code: DhcpCode = 'dhcp.not-leasing'
      log.warn({ code, ...facts(state), servers }, 'leasing refused: another DHCP server answers')
    }
    Object.assign(state, { leases: 'no', servers })
    record.remove(state.link.key)
    refresh()
  }

  function stop(state: State): void {
    for (const timer of state.timers) timer.cancel()
  }

  return {
    withheld: () => withheld,

    apply() {
      const isOff = environment[switchName] === 'off'
      const links = isOff ? [] : linksOf(plan(), interfaces(), sockets.isAdopted('dhcp'))
      const wanted = new Map(links.map((link) => [link.key, link]))
      for (const [key, state] of states) {
        if (wanted.has(key)) continue
        stop(state)
        states.delete(key)
      }
      for (const [key, link] of wanted) {
        if (states.has(key)) continue
        const leases = record.has(key) ? 'yes' : 'probing'
        const state: State = { link, leases, servers: [], timers: [] }
        states.set(key, state)
        if (leases === 'probing') {
          log.info(
            { ...facts(state), seconds: probeMs / 1000 },
            'probing for other DHCP servers before leasing',
          )
        }
        void run(state)
      }
      refresh()
    },

    receive({ xid, mac, server }) {
      const running = probes.get(xid)
      if (running?.probe.mac !== mac || server === plan().server || plan().peers.includes(server)) return
      const { found, state } = running
      found.add(formatIpv4(server))
      // The list of servers is complete when the probe ends.
      if (state.leases !== 'no') refuse(state, [...found])
    },

    problems: () =>
      [...states.values()].flatMap((state) => {
        if (state.leases !== 'no') return []
        const code: DhcpCode = 'dhcp.not-leasing'
        const { networks, interface: name } = state.link
        const text = `no address is offered on ${networks.map(formatCidr).join(', ')} (${name}): ${othersText(state)}; turn it off, or set dhcp: proxy or otherDhcpServers: allow for the subnet`
        return [{ code, text }]
      }),

    warnings: () =>
      [...states.values()].flatMap(({ failure, link }): Finding[] => {
        if (failure === undefined) return []
        const code: DhcpCode = 'dhcp.not-probed'
        const about = link.networks.map((network) => `subnet ${formatCidr(network)}`).join(', ')
        const message = `the probe for other DHCP servers was not sent: ${failure}`
        return [{ code, severity: 'warning', about, message }]
      }),

    close() {
      isClosed = true
      for (const state of states.values()) stop(state)
    },
  }
}

function othersText({ servers }: State): string {
  return `another DHCP server (${servers.join(', ')}) answers there`
}

function withheldOf(state: State): Withheld[] {
  if (state.leases === 'yes') return []
  const refusal: { readonly code: DhcpCode; readonly reason: string } =
    state.leases === 'probing'
      ? { code: 'dhcp.probing', reason: 'the probe for other DHCP servers has not ended' }
      : { code: 'dhcp.not-leasing', reason: othersText(state) }
  return state.link.networks.map((network) => ({ ...refusal, network }))
}

/**
 * Returns an address of this machine for each network to probe. Networks without one are behind relay agents, and a probe
 * does not reach them.
 */
function linksOf(
  { server, probed, segments }: ReturnType<LeasingOptions['plan']>,
  interfaces: InterfaceAddresses,
  isEveryInterface: boolean,
): Link[] {
  const serving = Object.entries(interfaces).filter(
    ([, addresses = []]) =>
      isEveryInterface || addresses.some(({ address }) => address === formatIpv4(server)),
  )
  const own = serving.flatMap(([name, addresses = []]) =>
    addresses.flatMap(({ address, internal, mac = '' }) => {
      const ip = internal ? undefined : parseIpv4(address)
      return ip === undefined ? [] : [{ name, address, ip, mac }]
    }),
  )
  const addressIn = (network: Cidr) => own.find(({ ip }) => cidrContains(network, ip))
  const linked = probed.flatMap((network) => {
    const segment = segments.find((each) => each.includes(network)) ?? []
    const at = [network, ...segment].map(addressIn).find((found) => found !== undefined)
    return at === undefined ? [] : [{ network, at }]
  })
  return [...Map.groupBy(linked, ({ at }) => at)].map(([at, each]) => {
    const networks = each.map(({ network }) => network)
    const key = `${networks.map(formatCidr).join(',')} ${at.mac || at.name}`
    return { source: at.address, interface: at.name, networks, key }
  })
}
