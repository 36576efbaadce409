/**
 * DHCP's sockets: datagrams to `respond`, its replies out, everything counted and logged. Which interface a
 * reply leaves by follows from the socket it is sent on; Node has no other say in it.
 */
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { MalformedPacket } from '../../proto/bytes/malformed.ts'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Service } from '../../host/service.ts'
import type { Datagram, UdpPort } from '../../host/udp.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import type { Observe } from '../../install/observation.ts'
import type { Arrival } from './decide.ts'
import { observed } from './observation.ts'
import { mostReplyOctets } from './reply.ts'
import { respond, type RequestContext, type Replied, type Verdict } from './respond.ts'
import {
  createOtherServers,
  createStrangers,
  RecentMap,
  type Declined,
  type OtherServer,
  type UnknownClient,
} from './unknown-clients.ts'
import { openWays, type WayOptions } from './sockets.ts'

export type DhcpService = Service & {
  /** Machines that asked and are not declared, latest first. */
  strangers(): readonly UnknownClient[]
  /** Declared machines that found their address in use, latest first. */
  declined(): readonly Declined[]
  /** Other DHCP servers that declared machines deal with, latest first. */
  otherServers(): readonly OtherServer[]
}

/** @throws {CannotListen} when a socket cannot be had; those opened before are closed again */
export async function startDhcp(
  options: WayOptions & {
    readonly log: Log
    readonly counters: Counters
    readonly clock: Clock
    /** Told what is seen of nodes. */
    readonly observe?: Observe
  },
): Promise<DhcpService> {
  const { plan, log, counters, clock, observe = () => {} } = options
  const strangers = createStrangers(clock)
  const otherServers = createOtherServers(clock)
  const declined = new RecentMap<Mac, Declined>()
  const out = new Uint8Array(mostReplyOctets)
  const ways = await openWays(options)

  for (const { port, arrival, replies } of ways) {
    port.receive((batch) => {
      const current = plan()
      for (const datagram of batch) handle(datagram, arrival, current, replies)
    })
  }

  function handle(datagram: Datagram, arrival: Arrival, current: DhcpPlan, replies: UdpPort): void {
    try {
      const verdict = respond(datagram.payload, arrival, current, out)
      if ('octets' in verdict) send(verdict, datagram, replies)
      record(verdict)
      const seen = 'octets' in verdict ? observed(verdict) : undefined
      if (seen !== undefined) observe(seen)
    } catch (error) {
      const client = `${datagram.address}:${datagram.port}`
      if (error instanceof MalformedPacket) {
        counters.increment('dhcp.malformed')
        log.debug({ client, reason: error.message, octets: datagram.payload.length }, 'malformed packet')
        return
      }
      // Our bug, not the sender's: keep the packet that shows it, and serve the next client.
      counters.increment('dhcp.failed')
      const packet = Buffer.from(datagram.payload).toString('hex')
      log.error({ client, err: error, packet }, 'packet could not be handled')
    }
  }

  function send({ octets, to, about }: Replied, sender: Datagram, replies: UdpPort): void {
    const { address, port } = to === 'sender' ? sender : to
    replies.send(out.subarray(0, octets), address, port, (error) => {
      counters.increment('dhcp.unsent')
      const { node, mac } = about
      log.error({ node, mac, client: `${address}:${port}`, err: error }, 'reply could not be sent')
    })
  }

  function record(verdict: Verdict): void {
    const { counter, message } = outcomes[verdict.kind]
    counters.increment(counter)
    switch (verdict.kind) {
      case 'not-ours':
        log.debug({ reason: verdict.reason }, message)
        return
      case 'stranger': {
        const { stranger, about } = verdict
        const isNews = strangers.see(about.mac, stranger)
        log[isNews ? 'info' : 'debug']({ ...stranger, ...facts(about) }, message)
        return
      }
      case 'elsewhere': {
        const { mac, node = '' } = verdict.about
        const server = formatIpv4(verdict.server)
        const isNews = otherServers.see(server, { server, mac, node })
        log[isNews ? 'warn' : 'debug']({ ...facts(verdict.about), server }, message)
        return
      }
      case 'declined': {
        const { mac, node = '' } = verdict.about
        const address = formatIpv4(verdict.address)
        const count = (declined.get(mac)?.count ?? 0) + 1
        declined.set(mac, { mac, node, address, lastSeen: clock.now(), count })
        log.warn({ ...facts(verdict.about), address, count }, message)
        return
      }
      case 'offered':
      case 'acknowledged':
      case 'informed':
      case 'boot-offered':
      case 'boot-acknowledged':
        if (verdict.about.reason !== undefined) counters.increment('dhcp.nothingToBoot')
        log.info(facts(verdict.about), message)
        return
      case 'refused':
      case 'released':
      case 'ignored':
        log.info(facts(verdict.about), message)
    }
  }

  return {
    name: 'dhcp',
    listening: ways.map(({ port }) => `udp ${port.local.address}:${port.local.port}`),
    strangers: () => strangers.list(),
    declined: () => declined.values(),
    otherServers: () => otherServers.list(),
    async close() {
      await Promise.all(ways.map(({ port }) => port.close()))
    },
  }
}

const outcomes: Readonly<Record<Verdict['kind'], { readonly counter: string; readonly message: string }>> = {
  offered: { counter: 'dhcp.offered', message: 'offered address' },
  acknowledged: { counter: 'dhcp.acknowledged', message: 'acknowledged address' },
  informed: { counter: 'dhcp.informed', message: 'sent parameters' },
  'boot-offered': { counter: 'dhcp.bootOffered', message: 'offered boot file' },
  'boot-acknowledged': { counter: 'dhcp.bootAcknowledged', message: 'acknowledged boot file' },
  refused: { counter: 'dhcp.refused', message: 'refused address' },
  declined: { counter: 'dhcp.declined', message: 'address declined: another machine uses it' },
  released: { counter: 'dhcp.released', message: 'address released' },
  ignored: { counter: 'dhcp.ignored', message: 'ignored message' },
  elsewhere: { counter: 'dhcp.elsewhere', message: 'another DHCP server answers a declared machine' },
  stranger: { counter: 'dhcp.strangers', message: 'ignored a machine that is not declared' },
  'not-ours': { counter: 'dhcp.notOurs', message: 'ignored a datagram' },
}

/** As people read them: addresses in dotted text, the transaction as packet dumps show it. */
function facts({ xid, address, ...rest }: RequestContext): Record<string, unknown> {
  return {
    ...rest,
    ...(address === undefined ? {} : { address: formatIpv4(address) }),
    xid: `0x${xid.toString(16).padStart(8, '0')}`,
  }
}
