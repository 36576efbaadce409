/**
 * The DHCP service: counts, logs, and reports what it sees of nodes. A lane, or the main thread where there is none,
 * answers.
 */
import { formatIpv4 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { createEventLimiter } from '../../host/connection-limits.ts'
import type { LaneState } from '../../host/lane/planned.ts'
import type { Service } from '../../host/udp.ts'
import type { Inventory } from '../../inventory/inventory.ts'
import { formatMinute } from '../../plan/ignition/findings.ts'
import type { ActiveProblem, Finding } from '../../text/codes.ts'
import type { Observe } from '../../install/observation.ts'
import type { DhcpCode } from './codes.ts'
import { recordedOf, type Recorded } from './handle.ts'
import { createLeasing } from './leasing.ts'
import { listen, type Done, type ListenOptions } from './listen.ts'
import { openProbeRecord } from './probe-record.ts'
import type { DhcpResult, InventoryClient, RequestContext } from './respond.ts'
import { RecentMap } from '../../host/recent-map.ts'
import { similarNodes, type SimilarNode } from './similar-mac.ts'
import { createReplyInterface } from './sockets.ts'
import {
  createOtherServers,
  createUnknownClients,
  type Declined,
  type OtherServer,
  type UnknownClient,
} from './unknown-clients.ts'

export type DhcpService = Service & {
  /** Resolves when all answers come from the active plan; never rejects. */
  apply(): Promise<void>
  /** Records what the lane has done up to now: call it before anything that a client does after an answer. */
  drain(): void
  readonly lane: LaneState
  /** Undeclared machines that sent requests, latest first. */
  unknownClients(): readonly UnknownClient[]
  /** The same, with their inventories; the latest ones with the declared nodes that have a similar MAC address. */
  comparedClients(): readonly UnknownClient[]
  /** Declared machines that found their address in use, latest first. */
  declined(): readonly Declined[]
  /** Other DHCP servers that declared machines use, latest first. */
  otherServers(): readonly OtherServer[]
  /** Returns problems that other machines cause: they use an address of a node, or answer instead of this server. */
  problems(): ActiveProblem[]
  /** Returns the limitations of the lane and of the probe for other DHCP servers. */
  warnings(): readonly Finding[]
}

/** How many undeclared machines are compared with the declared ones, which takes 50 µs each. */
const maxCompared = 100

/** Other servers and conflicts are no longer reported this long after they were last seen. */
const shownForMs = 3_600_000

/** @throws {CannotListen} when a socket cannot be opened; sockets opened before are closed again */
export async function startDhcp(
  options: ListenOptions & {
    /** Receives observations of nodes. */
    readonly observe?: Observe
    /** Returns when each node was last seen, in milliseconds since 1970. */
    readonly lastSeen?: () => ReadonlyMap<string, number>
    /** Returns what an undeclared machine reported in an inventory boot. */
    readonly reportOf?: Inventory['reportOf']
    /** State directory, for the record of probes. */
    readonly stateDirectory?: string | undefined
    readonly environment?: NodeJS.ProcessEnv
  },
): Promise<DhcpService> {
  const {
    plan,
    log,
    counters,
    clock,
    bindings,
    reportOf = () => undefined,
    observe = () => {},
    lastSeen = () => new Map<string, number>(),
  } = options
  const unknownClients = createUnknownClients(clock)
  const otherServers = createOtherServers(clock)
  const declined = new RecentMap<Mac, Declined>()
  const limit = createEventLimiter(clock)
  const replyInterface = createReplyInterface(options)
  const probeRecord = await openProbeRecord(options.stateDirectory, log)
  const leasing = createLeasing({ ...options, record: probeRecord, changed: () => void sockets.apply() })
  const sockets = await listen({ ...options, withheld: () => leasing.withheld() }, record)
  leasing.apply()
  const through = replyInterface()
  if (through !== undefined) {
    const code: DhcpCode = 'dhcp.interface-unknown'
    log.info(
      { code, interface: through.name, others: through.others },
      'requests accepted from every interface',
    )
  }

  /** Counts, logs, and observes what was done. */
  function record(done: Done): void {
    if (done.kind === 'unsent') {
      counters.increment('dhcp.unsent')
      const { about, client, error } = done
      const facts = { node: about.node, mac: about.mac, client, ...refused('dhcp.reply-not-sent') }
      log.error({ ...facts, err: error }, 'reply not sent')
      return
    }
    const handled = recordedOf(done.handled)
    switch (handled.kind) {
      case 'malformed': {
        const { client, declared, reason, octets } = handled
        counters.increment('dhcp.malformed')
        const level = declared === undefined ? 'debug' : 'info'
        log[level]({ client, ...declared, ...refused('dhcp.malformed'), reason, octets }, 'malformed packet')
        return
      }
      case 'failed':
        recordFailure(handled)
        return
      case 'result':
        if (handled.result.kind === 'not-ours' && handled.result.offer !== undefined) {
          leasing.receive(handled.result.offer)
        }
        try {
          recordResult(handled.result, done.repeated)
          if (handled.seen !== undefined) observe(handled.seen, done.repeated)
        } catch (error) {
          recordFailure({ client: handled.client, error })
        }
    }
  }

  /** A defect of slipway, not of the client: logs the packet that shows it, so that the next client is served. */
  function recordFailure({
    client,
    error,
    packet,
  }: Omit<Extract<Recorded, { kind: 'failed' }>, 'kind'>): void {
    counters.increment('dhcp.failed')
    log.error({ client, ...refused('dhcp.internal-error'), err: error, packet }, 'packet handling failed')
  }

  /** Counts the code of a refusal, and returns it as a field of the log line. */
  function refused(code: DhcpCode): { readonly code: DhcpCode } {
    counters.refuse(code)
    return { code }
  }

  /** @param repeated how often it was repeated, if it was recorded before and only repeated since */
  function recordResult(result: Extract<Recorded, { kind: 'result' }>['result'], repeated?: number): void {
    const times = repeated ?? 1
    const { counter, message } = outcomes[result.kind]
    if (result.kind === 'unknown-client' && result.isSimulated === true) {
      log.debug({ ...result.client, ...facts(result.about) }, message)
      return
    }
    if ('inventory' in result && result.inventory.isSimulated === true) {
      log.debug({ ...result.inventory.client, ...facts(result.about) }, message)
      return
    }
    counters.increment(counter, times)
    if (result.kind === 'not-ours') {
      const { code, reason } = result
      const facts = { ...refused(code), reason }
      // The machine may be a declared one: with this hardware type, it has no MAC address to compare.
      if (code === 'dhcp.not-ethernet') limit(reason, (count) => log.info({ ...facts, count }, message))
      else log.debug(facts, message)
      return
    }
    const { about } = result
    if (about.code !== undefined) counters.refuse(about.code, times)
    if (about.ignored !== undefined) counters.increment('dhcp.optionsIgnored', about.ignored.length * times)
    switch (result.kind) {
      case 'unknown-client': {
        const isLogged = unknownClients.see(about.mac, result.client)
        const similar = isLogged ? similarFacts(about.mac) : {}
        log[isLogged ? 'info' : 'debug']({ ...result.client, ...facts(about), ...similar }, message)
        return
      }
      case 'other-server': {
        const { mac, node = '' } = about
        const server = formatIpv4(result.server)
        const isLogged = otherServers.see(server, { code: 'dhcp.other-server', server, mac, node })
        log[isLogged ? 'warn' : 'debug']({ ...facts(about), server }, message)
        return
      }
      case 'declined': {
        const { mac, node = '' } = about
        const address = formatIpv4(result.address)
        const count = (declined.get(mac)?.count ?? 0) + 1
        declined.set(mac, {
          code: 'dhcp.address-declined',
          mac,
          node,
          address,
          count,
          lastSeen: clock.now(),
        })
        log.warn({ ...facts(about), address, count }, message)
        return
      }
      case 'offered':
      case 'acknowledged':
      case 'informed':
      case 'boot-offered':
      case 'boot-acknowledged':
        if (result.inventory !== undefined) {
          recordInventory(about, result.inventory)
          return
        }
        if (about.reason !== undefined) counters.increment('dhcp.nothingToBoot', times)
        log.info({ ...facts(about), interface: replyInterface()?.name, repeated }, message)
        return
      case 'refused':
      case 'released':
      case 'ignored':
        log.info({ ...facts(about), repeated }, message)
    }
  }

  /** Remembers an undeclared machine and its address for the inventory boot. */
  function recordInventory(about: RequestContext, { client, address, isLeased }: InventoryClient): void {
    const { inventory } = plan()
    if (inventory !== undefined) bindings?.keep({ mac: about.mac, address }, inventory, isLeased)
    const isLogged = unknownClients.see(about.mac, client)
    const message = 'address for the inventory boot sent to an undeclared machine'
    log[isLogged ? 'info' : 'debug']({ ...client, ...facts(about) }, message)
  }

  /** Names the declared nodes with a similar MAC address, for a machine that was just seen for the first time. */
  function similarFacts(mac: Mac): { readonly similar?: readonly SimilarNode[] } {
    const seenAt = lastSeen()
    const similar = similarNodes({ mac, firstSeen: clock.now() }, plan(), (node) => seenAt.get(node))
    return similar.length === 0 ? {} : { similar }
  }

  /** A machine that the site declares by now is no longer one of them. */
  const listUnknown = (): UnknownClient[] => {
    const { reservationByMac, proxiedByMac } = plan()
    return unknownClients.list().filter(({ mac }) => !reservationByMac.has(mac) && !proxiedByMac.has(mac))
  }

  const isRecent = ({ lastSeen }: { readonly lastSeen: number }) => clock.now() - lastSeen < shownForMs
  const recentlyDeclined = () => declined.values().filter(isRecent)
  const recentOtherServers = () => otherServers.list().filter(isRecent)

  return {
    name: 'dhcp',
    listening: sockets.listening,
    lane: sockets.lane,
    apply() {
      leasing.apply()
      return sockets.apply()
    },
    drain: () => sockets.drain(),
    unknownClients: listUnknown,
    comparedClients() {
      const current = plan()
      const seenAt = lastSeen()
      return listUnknown().map((client, index) => {
        const inventory = reportOf(client.mac)
        const known = inventory === undefined ? client : { ...client, inventory }
        if (index >= maxCompared) return known
        const similar = similarNodes(client, current, (node) => seenAt.get(node))
        return similar.length === 0 ? known : { ...known, similar }
      })
    },
    declined: recentlyDeclined,
    otherServers: recentOtherServers,
    warnings: () => [...sockets.lane.warnings(), ...leasing.warnings()],
    problems: () => [
      ...leasing.problems(),
      ...recentOtherServers().map(({ code, server, node, mac, lastSeen }) => {
        const last = formatMinute(lastSeen)
        return { code, text: `another DHCP server (${server}) answers ${node} (${mac}), last at ${last}` }
      }),
      ...recentlyDeclined().map(({ code, address, node, lastSeen }) => {
        const last = formatMinute(lastSeen)
        return { code, text: `another machine uses ${address}, the address of ${node}, last at ${last}` }
      }),
    ],
    async close() {
      leasing.close()
      await Promise.all([sockets.close(), probeRecord.saved()])
    },
  }
}

const outcomes: Readonly<Record<DhcpResult['kind'], { readonly counter: string; readonly message: string }>> =
  {
    offered: { counter: 'dhcp.offered', message: 'address offered' },
    acknowledged: { counter: 'dhcp.acknowledged', message: 'address acknowledged' },
    informed: { counter: 'dhcp.informed', message: 'parameters sent' },
    'boot-offered': { counter: 'dhcp.bootOffered', message: 'boot file offered' },
    'boot-acknowledged': { counter: 'dhcp.bootAcknowledged', message: 'boot file acknowledged' },
    refused: { counter: 'dhcp.refused', message: 'address refused' },
    declined: { counter: 'dhcp.declined', message: 'address declined: another machine uses it' },
    released: { counter: 'dhcp.released', message: 'address released' },
    ignored: { counter: 'dhcp.ignored', message: 'message ignored' },
    'other-server': { counter: 'dhcp.elsewhere', message: 'another DHCP server answered a declared machine' },
    'unknown-client': { counter: 'dhcp.strangers', message: 'undeclared client refused' },
    'not-ours': { counter: 'dhcp.notOurs', message: 'datagram ignored' },
  }

/** Formats the context for the log: addresses in dotted text, the transaction as in packet dumps. */
function facts(about: RequestContext): Record<string, unknown> {
  const { xid, address, ignored } = about
  return {
    ...about,
    ignored: ignored?.map(({ text }) => text),
    address: address === undefined ? undefined : formatIpv4(address),
    xid: `0x${xid.toString(16).padStart(8, '0')}`,
  }
}
