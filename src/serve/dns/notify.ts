/**
 * NOTIFY (RFC 1996): notifies each secondary of each changed zone, and repeats for a minute until it acknowledges.
 * A secondary that does not acknowledge gets the change when the refresh time of the zone has expired.
 */
import { randomInt } from 'node:crypto'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram, Sockets, UdpPort } from '../../host/udp.ts'
import { localZones } from '../../plan/dns/names.ts'
import type { DnsPlan, Secondary, Zone } from '../../plan/dns/plan.ts'
import { serialOf } from '../../plan/dns/zone.ts'
import { encodeAnswer } from '../../proto/dns/message.ts'
import type { ResourceRecord } from '../../proto/dns/record.ts'
import { HeaderFlag, headerOctets, notifyOpcode } from '../../proto/dns/registry.ts'
import type { DnsCode } from './codes.ts'
import { readU16, writeU16 } from './reply.ts'

export type NotifierOptions = {
  readonly sockets: Pick<Sockets, 'bindUdp'>
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
}

export type Notifier = {
  /** Notifies secondaries of zones that they do not have yet, and cancels notifications of earlier plans. */
  announce(plan: DnsPlan): void
  close(): Promise<void>
}

/** Delays between attempts; after the last one slipway stops notifying the secondary (RFC 1996 §3.6). */
const waitsMs = [1000, 2000, 4000, 8000, 16_000, 30_000]

type Message = {
  /** Identifies secondary, zone, and serial. */
  readonly key: string
  readonly secondary: Secondary
  readonly zone: Zone
  readonly octets: Uint8Array
  timer: Timer | undefined
}

export function createNotifier({ sockets, log, counters, clock }: NotifierOptions): Notifier {
  /** The keys of the last announcement. */
  let announced = new Set<string>()
  const waiting = new Map<number, Message>()
  /** By the server's own address, at most one for each version of IP. */
  const ports = new Map<string, Promise<UdpPort>>()

  /** A socket with the server's own address: secondaries ignore other sources (RFC 1996 §3.10). */
  function open(address: string): Promise<UdpPort> {
    const opened =
      ports.get(address) ??
      sockets.bindUdp({ address, port: 0 }).then((bound) => {
        bound.receive((batch) => batch.forEach(receive))
        return bound
      })
    ports.set(address, opened)
    return opened
  }

  function receive({ payload, address, port: from }: Datagram): void {
    if (payload.length < headerOctets) return
    const id = readU16(payload, 0)
    const flags = readU16(payload, 2)
    const message = waiting.get(id)
    const { response } = HeaderFlag
    if ((flags & (response | 0x7800)) !== (response | notifyOpcode) || message === undefined) return
    const { secondary, zone } = message
    if (address !== secondary.address || from !== secondary.port) return
    forget(id)
    const rcode = flags & 15
    const facts = { address, zone: zone.name, serial: serialOf(zone) }
    const code: DnsCode = 'dns.notify-refused'
    if (rcode === 0) log.info(facts, 'secondary notified')
    else log.warn({ code, ...facts, rcode }, 'secondary refused notification')
    counters.increment(rcode === 0 ? 'dns.notified' : 'dns.notifyRefused')
  }

  function forget(id: number): void {
    waiting.get(id)?.timer?.cancel()
    waiting.delete(id)
  }

  function send(id: number, message: Message, attempt: number, from: UdpPort): void {
    const { secondary, zone, octets } = message
    const waitMs = waitsMs[attempt]
    if (waitMs === undefined) {
      waiting.delete(id)
      counters.increment('dns.notifyUnanswered')
      const code: DnsCode = 'dns.notify-unanswered'
      const facts = { code, address: secondary.address, zone: zone.name, serial: serialOf(zone) }
      log.warn(facts, 'secondary did not acknowledge notification')
      return
    }
    counters.increment('dns.notifies')
    from.send(octets, secondary.address, secondary.port)
    message.timer = clock.after(waitMs, () => send(id, message, attempt + 1, from))
  }

  /** Returns the new notifications and cancels those that are out of date. */
  function newMessages({ secondaries, zones }: DnsPlan): [number, Message][] {
    const known = announced
    const keys = new Set<string>()
    const messages: [number, Message][] = []
    for (const secondary of secondaries) {
      for (const zone of zones.filter((each) => !localZones.includes(each))) {
        const key = `${secondary.address}:${secondary.port} ${zone.name} ${serialOf(zone)}`
        keys.add(key)
        if (known.has(key)) continue
        const id = freeId(waiting)
        const message = { key, secondary, zone, octets: notification(id, zone), timer: undefined }
        waiting.set(id, message)
        messages.push([id, message])
      }
    }
    for (const [id, { key }] of waiting) if (!keys.has(key)) forget(id)
    announced = keys
    return messages
  }

  return {
    announce(plan) {
      const byAddress = Map.groupBy(newMessages(plan), ([, { secondary }]) => ownAddress(plan, secondary))
      for (const [address, messages] of byAddress) {
        open(address).then(
          (from) => {
            for (const [id, message] of messages) if (waiting.has(id)) send(id, message, 0, from)
          },
          (error: unknown) => {
            ports.delete(address)
            for (const [id, { key }] of messages) {
              announced.delete(key)
              forget(id)
            }
            const code: DnsCode = 'dns.notify-unavailable'
            log.warn({ code, reason: (error as Error).message }, 'notification socket not available')
          },
        )
      }
    },

    async close() {
      for (const id of [...waiting.keys()]) forget(id)
      await Promise.all(
        [...ports.values()].map((port) => port.then((bound) => bound.close()).catch(() => undefined)),
      )
    },
  }
}

/** The address of this server in the version of IP of the secondary. */
function ownAddress({ listen, ipv6 }: DnsPlan, { address }: Secondary): string {
  return address.includes(':') && ipv6 !== undefined ? ipv6.address : listen.address
}

/** RFC 1996 §3.7: the zone is the question, its current SOA record is a hint. */
function notification(id: number, zone: Zone): Uint8Array {
  const answers = [zone.records[0] as ResourceRecord]
  const question = { name: zone.name, type: 'SOA' } as const
  const message = encodeAnswer({ question, answers, authority: [], additional: [] })
  writeU16(message, 0, id)
  writeU16(message, 2, notifyOpcode | HeaderFlag.authoritative)
  return message
}

function freeId(taken: ReadonlyMap<number, unknown>): number {
  let id = randomInt(0x10000)
  while (taken.has(id)) id = (id + 1) & 0xffff
  return id
}
