/**
 * Machines that asked and are not declared, declared ones that declined their address, and other DHCP servers:
 * what an operator looks for when a machine does not boot. In memory, bounded, least recently seen forgotten first.
 */
import type { Clock } from '../../host/clock.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { readSubOptions } from '../../proto/dhcp/values/sub-options.ts'
import { latin1, shownText, formatUuid } from '../../proto/dhcp/values/text.ts'
import type { DhcpRequest } from './request.ts'

/** When something was seen, in milliseconds since 1970, and how often. */
type LastSeen = { readonly firstSeen: number; readonly lastSeen: number; readonly count: number }

export type UnknownClient = ClientFacts & LastSeen

type OtherServerSeen = {
  /** Its option 54, in dotted text. */
  readonly server: string
  /** The declared machine that dealt with it last. */
  readonly mac: Mac
  readonly node: string
}
/** A DHCP server that is neither this one nor a peer, known from what declared machines say to it. */
export type OtherServer = OtherServerSeen & LastSeen

export type Declined = {
  readonly mac: Mac
  readonly node: string
  /** In dotted text. */
  readonly address: string
  /** Milliseconds since 1970. */
  readonly lastSeen: number
  readonly count: number
}

/** How many machines are remembered: the list must not grow with a flood of made-up addresses. */
const mostRemembered = 1024

/** How often one machine gets a line in the log, and how many lines all of a kind get in that time. */
const quietMs = 10 * 60_000
const linesPerQuietTime = 60

/** A map that forgets what was set longest ago. */
export class RecentMap<Key, Value> {
  readonly #values = new Map<Key, Value>()
  readonly #most: number

  constructor(most = mostRemembered) {
    this.#most = most
  }

  get(key: Key): Value | undefined {
    return this.#values.get(key)
  }

  set(key: Key, value: Value): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    if (this.#values.size > this.#most) this.#values.delete(this.#values.keys().next().value as Key)
  }

  /** Latest first. */
  values(): Value[] {
    return [...this.#values.values()].reverse()
  }
}

/** Remembers who was seen and says which sighting deserves a line in the log. */
class Sightings<Key, Seen> {
  readonly #clock: Clock
  readonly #seen = new RecentMap<
    Key,
    { readonly sighting: Seen & LastSeen; readonly loggedAt: number | undefined }
  >()
  #quietSince = Number.NEGATIVE_INFINITY
  #lines = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns whether to log it: at first, then every ten minutes, and never more than sixty lines in that time */
  see(key: Key, seen: Seen): boolean {
    const before = this.#seen.get(key)
    const now = this.#clock.now()
    const loggedAt = this.#logsNow(before?.loggedAt) ? this.#clock.monotonic() : before?.loggedAt
    const sighting = {
      // What only its firmware says (a UUID), or only its system (a name), is kept.
      ...before?.sighting,
      ...seen,
      firstSeen: before?.sighting.firstSeen ?? now,
      lastSeen: now,
      count: (before?.sighting.count ?? 0) + 1,
    }
    this.#seen.set(key, { sighting, loggedAt })
    return loggedAt !== before?.loggedAt
  }

  /** Latest first. */
  list(): (Seen & LastSeen)[] {
    return this.#seen.values().map(({ sighting }) => sighting)
  }

  #logsNow(loggedAt = Number.NEGATIVE_INFINITY): boolean {
    const elapsed = this.#clock.monotonic()
    if (elapsed - loggedAt < quietMs) return false
    if (elapsed - this.#quietSince >= quietMs) {
      this.#quietSince = elapsed
      this.#lines = 0
    }
    return ++this.#lines <= linesPerQuietTime
  }
}

export function createStrangers(clock: Clock): Sightings<Mac, ClientFacts> {
  return new Sightings(clock)
}

export function createOtherServers(clock: Clock): Sightings<string, OtherServerSeen> {
  return new Sightings(clock)
}

/**
 * What a machine that is not declared says of itself, and what the network says of where it is plugged in: what a
 * person needs to recognise it. All of it is text for people, short and shownText, whatever was sent.
 */

export type ClientFacts = {
  readonly mac: Mac
  /** Option 60. */
  readonly vendorClass: string
  readonly architecture: number | undefined
  /** Option 97, as the machine's own label and its operating systems show it. */
  readonly uuid?: string
  /** Option 12, which systems send and firmware does not. */
  readonly hostName?: string
  /** Of a request that came by way of a relay agent. */
  readonly relay: RelayFacts | undefined
}

/** RFC 3046 §3.1 and §3.2: a switch that relays says which of its ports a request came in by. */
export type RelayFacts = {
  /** Its address on the machine's network, in dotted text. */
  readonly address: string
  /** Sub-options 1 and 2; octets that are no text are in hexadecimal. */
  readonly circuitId?: string
  readonly remoteId?: string
}

const circuitId = 1
const remoteId = 2

export function strangerFacts(mac: Mac, request: DhcpRequest): ClientFacts {
  const { message, vendorClass, client, machineIdentifier } = request
  const uuid = machineIdentifier === undefined ? undefined : formatUuid(machineIdentifier)
  const name = message.options.find(({ code }) => code === OptionCode.hostName)?.value
  const hostName = name === undefined ? '' : shownText(latin1(name).replace(/\0+$/, ''))
  return {
    mac,
    vendorClass: shownText(vendorClass),
    architecture: client.architectures[0],
    ...(uuid === undefined ? {} : { uuid }),
    ...(hostName === '' ? {} : { hostName }),
    relay: message.giaddr === 0 ? undefined : relayFacts(request),
  }
}

function relayFacts({ message, relayAgentInformation }: DhcpRequest): RelayFacts {
  const { found } = readSubOptions(relayAgentInformation ?? new Uint8Array(0))
  const [circuit, remote] = [found.get(circuitId), found.get(remoteId)]
  return {
    address: formatIpv4(message.giaddr),
    ...(circuit === undefined ? {} : { circuitId: identifierText(circuit) }),
    ...(remote === undefined ? {} : { remoteId: identifierText(remote) }),
  }
}

/** Some agents send text (`Eth1/14`), others numbers of slot and port, or a MAC address. */
function identifierText(octets: Uint8Array): string {
  const isText = octets.length > 0 && octets.every((octet) => octet >= 0x20 && octet <= 0x7e)
  return shownText(isText ? latin1(octets) : hexadecimal(octets))
}

function hexadecimal(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':')
}
