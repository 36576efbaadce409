/**
 * Undeclared machines that sent requests, declared machines that declined their address, and other DHCP servers, for
 * an administrator whose machine does not boot. In memory and bounded; the least recently seen entry is dropped first.
 */
import { RecentMap } from '../../host/recent-map.ts'
import type { Clock } from '../../host/clock.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { formatIpv4 } from '../../proto/address/ip.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { readSubOptions } from '../../proto/dhcp/values/sub-options.ts'
import { latin1, shownText, formatUuid } from '../../proto/dhcp/values/text.ts'
import type { DhcpCode } from './codes.ts'
import type { StoredReport } from '../../inventory/inventory.ts'
import type { DhcpRequest } from './request.ts'
import type { SimilarNode } from './similar-mac.ts'

/** Times in milliseconds since 1970, and a count. */
type LastSeen = { readonly firstSeen: number; readonly lastSeen: number; readonly count: number }

export type UnknownClient = ClientFacts &
  LastSeen & {
    /** Declared nodes with a similar MAC address, if there are any: the site file may have a typing error. */
    readonly similar?: readonly SimilarNode[]
    /** What it reported in an inventory boot. */
    readonly inventory?: StoredReport
  }

type OtherServerSeen = {
  readonly code: DhcpCode
  /** Its option 54, in dotted text. */
  readonly server: string
  /** The declared machine that used it last. */
  readonly mac: Mac
  readonly node: string
}
/** A DHCP server that is neither this one nor a peer, found in messages of declared machines. */
export type OtherServer = OtherServerSeen & LastSeen

export type Declined = {
  readonly code: DhcpCode
  readonly mac: Mac
  readonly node: string
  /** In dotted text. */
  readonly address: string
  /** Milliseconds since 1970. */
  readonly lastSeen: number
  readonly count: number
}

/** The maximum number of entries, so that a flood of forged addresses does not grow the list. */
const maxEntries = 1024

/**
 * How many new entries there may be at once, and how fast there may be more: a flood of forged addresses displaces at
 * most half of the list, and not the machines that were seen last. A machine that is left out repeats its message.
 */
const newEntries = { burst: maxEntries / 2, perSecond: 4 }

/** The minimum time between log lines about one machine, and the maximum number of lines in that time. */
const logIntervalMs = 10 * 60_000
const maxLinesPerInterval = 60

/** Remembers what was seen and decides which occurrences are logged. */
class SeenList<Key, Facts> {
  readonly #clock: Clock
  readonly #entries = new RecentMap<
    Key,
    { readonly seen: Facts & LastSeen; readonly loggedAt: number | undefined }
  >()
  #intervalStart = Number.NEGATIVE_INFINITY
  #lines = 0
  #newEntries = newEntries.burst
  #newEntriesAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Remembers an occurrence, unless it is one of a flood.
   *
   * @returns whether to log it: the first time, then every ten minutes, at most sixty lines in that time
   */
  see(key: Key, facts: Facts): boolean {
    const before = this.#entries.get(key)
    if (before === undefined && !this.#hasPlace()) return false
    const now = this.#clock.now()
    const loggedAt = this.#isLogged(before?.loggedAt) ? this.#clock.monotonic() : before?.loggedAt
    const seen = {
      // Keep facts that only the firmware sends (a UUID), or only the installed system (a name).
      ...before?.seen,
      ...facts,
      firstSeen: before?.seen.firstSeen ?? now,
      lastSeen: now,
      count: (before?.seen.count ?? 0) + 1,
    }
    this.#entries.set(key, { seen, loggedAt })
    return loggedAt !== before?.loggedAt
  }

  /** Returns the entries, latest first. */
  list(): (Facts & LastSeen)[] {
    return this.#entries.values().map(({ seen }) => seen)
  }

  #hasPlace(): boolean {
    const now = this.#clock.monotonic()
    const refilled = ((now - this.#newEntriesAt) * newEntries.perSecond) / 1000
    this.#newEntries = Math.min(newEntries.burst, this.#newEntries + refilled)
    this.#newEntriesAt = now
    if (this.#newEntries < 1) return false
    this.#newEntries--
    return true
  }

  #isLogged(loggedAt = Number.NEGATIVE_INFINITY): boolean {
    const elapsed = this.#clock.monotonic()
    if (elapsed - loggedAt < logIntervalMs) return false
    if (elapsed - this.#intervalStart >= logIntervalMs) {
      this.#intervalStart = elapsed
      this.#lines = 0
    }
    return ++this.#lines <= maxLinesPerInterval
  }
}

export function createUnknownClients(clock: Clock): SeenList<Mac, ClientFacts> {
  return new SeenList(clock)
}

export function createOtherServers(clock: Clock): SeenList<string, OtherServerSeen> {
  return new SeenList(clock)
}

/** An undeclared machine's description of itself and of its switch port: short, printable text to recognize it. */
export type ClientFacts = {
  readonly mac: Mac
  /** Option 60. */
  readonly vendorClass: string
  readonly architecture: number | undefined
  /** Option 97, formatted as on the machine's label and in its operating system. */
  readonly uuid?: string
  /** Option 12, which systems send and firmware does not. */
  readonly hostName?: string
  /** Present when the request came through a relay agent. */
  readonly relay: RelayFacts | undefined
}

/** RFC 3046 §3.1 and §3.2: a switch that relays names the port on which it received the request. */
export type RelayFacts = {
  /** Its address on the machine's network, in dotted text. */
  readonly address: string
  /** Sub-options 1 and 2, as text or else in hexadecimal. */
  readonly circuitId?: string
  readonly remoteId?: string
}

const circuitId = 1
const remoteId = 2

export function clientFacts(mac: Mac, request: DhcpRequest): ClientFacts {
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

/** Formats an identifier: some agents send text (`Eth1/14`), others slot and port numbers or a MAC address. */
function identifierText(octets: Uint8Array): string {
  const isText = octets.length > 0 && octets.every((octet) => octet >= 0x20 && octet <= 0x7e)
  return shownText(isText ? latin1(octets) : hexadecimal(octets))
}

function hexadecimal(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':')
}
