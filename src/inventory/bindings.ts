/**
 * The addresses of undeclared machines that boot the inventory system: which machine has which address of the range, and
 * until when (docs/decisions/0059). An address with a live lease is never given to another machine; if all addresses are in use,
 * a new machine gets none. Bindings are kept when the plan is replaced.
 */
import type { Clock } from '../host/clock.ts'
import type { InventoryLeases } from '../plan/dhcp/plan.ts'
import type { Ipv4 } from '../proto/address/ip.ts'
import type { Mac } from '../proto/address/mac.ts'

/** An address of the range, and the machine that has it. */
export type InventoryBinding = { readonly mac: Mac; readonly address: Ipv4 }

/** A binding as another thread gets it, and the next process: their clocks differ. */
export type LiveBinding = Omit<InventoryBinding, 'mac'> & {
  /** Absent for an address that no machine gets until then. */
  readonly mac: Mac | undefined
  readonly remainingMs: number
}

type Range = Pick<InventoryLeases, 'from' | 'to' | 'leaseMs'>

export type InventoryBindings = {
  /** Returns the live binding of a machine, if its address is in the range. */
  of(mac: Mac, range: Range): InventoryBinding | undefined
  /** Returns the live binding of an address. */
  at(address: Ipv4): InventoryBinding | undefined
  /** Returns the address that a machine would be offered, and reserves nothing: for a simulated machine. */
  peek(mac: Mac, range: Range): InventoryBinding | undefined
  /** Reserves an address for an offer; returns `undefined` if every address is in use. */
  offer(mac: Mac, range: Range): InventoryBinding | undefined
  /** Keeps a binding for a lease, or for an offer, that was sent. */
  keep(binding: InventoryBinding, range: Range, isLeased: boolean): void
  /** Frees the address of a machine. */
  release(mac: Mac): void
  /** Does not use the address of a machine for a while, because another machine has it. */
  decline(mac: Mac, range: Range): void
  /** Returns the addresses in use, for another thread or the next process. */
  live(): readonly LiveBinding[]
  /** Adds the addresses in use that another thread or an earlier process knows. */
  restore(bindings: readonly LiveBinding[]): void
}

type Entry = {
  /** Absent for an address that another machine has. */
  readonly mac: Mac | undefined
  /** Monotonic time in milliseconds. */
  readonly until: number
}

/** How long an offer is held: iPXE repeats its request for about half a minute. */
const offerMs = 60_000
/** Time after the end of a lease before another machine gets the address. */
export const graceMs = 60_000

export function createInventoryBindings(
  clock: Pick<Clock, 'monotonic'>,
  random: () => number = Math.random,
  onChange: () => void = () => {},
): InventoryBindings {
  const entries = new Map<Ipv4, Entry>()
  const addresses = new Map<Mac, Ipv4>()
  /** After a restart, a machine may still use an address of the range, so it does not start at the same address each time. */
  const start = random()
  /** Addresses are used in turn, so that one is given again as late as possible. */
  let next: Ipv4 | undefined

  const isLive = (entry: Entry | undefined): boolean => entry !== undefined && entry.until > clock.monotonic()

  function of(mac: Mac, { from, to }: Range): InventoryBinding | undefined {
    const address = addresses.get(mac)
    if (address === undefined || address < from || address > to) return undefined
    const entry = entries.get(address)
    return isLive(entry) && entry?.mac === mac ? { mac, address } : undefined
  }

  function set(address: Ipv4, entry: Entry): void {
    const before = entries.get(address)?.mac
    if (before !== undefined) addresses.delete(before)
    if (entry.mac !== undefined) {
      const other = addresses.get(entry.mac)
      if (other !== undefined && other !== address) entries.delete(other)
      addresses.set(entry.mac, address)
    }
    entries.set(address, entry)
  }

  /** Removes what is outside of the range, which can change with the plan, once its lease has ended. */
  function sweep({ from, to }: Range): void {
    for (const [address, entry] of entries) {
      if ((address >= from && address <= to) || isLive(entry)) continue
      if (entry.mac !== undefined) addresses.delete(entry.mac)
      entries.delete(address)
    }
  }

  function freeAddress(mac: Mac, { from, to }: Range): Ipv4 | undefined {
    const size = to - from + 1
    const isFree = (address: Ipv4) => address >= from && address <= to && !isLive(entries.get(address))
    const before = addresses.get(mac)
    if (before !== undefined && isFree(before)) return before
    const first = next !== undefined && next >= from && next <= to ? next - from : Math.floor(start * size)
    for (let step = 0; step < size; step++) {
      const address = (from + ((first + step) % size)) as Ipv4
      if (isFree(address)) return address
    }
    return undefined
  }

  function peek(mac: Mac, range: Range): InventoryBinding | undefined {
    const address = of(mac, range)?.address ?? freeAddress(mac, range)
    return address === undefined ? undefined : { mac, address }
  }

  const keep: InventoryBindings['keep'] = ({ mac, address }, { leaseMs }, isLeased) => {
    const end = clock.monotonic() + (isLeased ? leaseMs + graceMs : offerMs)
    const entry = entries.get(address)
    // An offer does not shorten a lease.
    const until = entry?.mac === mac ? Math.max(end, entry.until) : end
    set(address, { mac, until })
    onChange()
  }

  return {
    of,
    at(address) {
      const entry = entries.get(address)
      return isLive(entry) && entry?.mac !== undefined ? { mac: entry.mac, address } : undefined
    },
    peek,
    offer(mac, range) {
      sweep(range)
      const binding = peek(mac, range)
      if (binding === undefined) return undefined
      const { address } = binding
      if (addresses.get(mac) !== address) next = (address === range.to ? range.from : address + 1) as Ipv4
      keep(binding, range, false)
      return binding
    },
    keep,
    release(mac) {
      const address = addresses.get(mac)
      if (address === undefined) return
      addresses.delete(mac)
      entries.delete(address)
      onChange()
    },
    decline(mac, { leaseMs }) {
      const address = addresses.get(mac)
      if (address === undefined) return
      set(address, { mac: undefined, until: clock.monotonic() + leaseMs })
      onChange()
    },
    live() {
      const now = clock.monotonic()
      return [...entries].flatMap(([address, { mac, until }]) =>
        until <= now ? [] : [{ mac, address, remainingMs: until - now }],
      )
    },
    restore(bindings) {
      const now = clock.monotonic()
      for (const { mac, address, remainingMs } of bindings) {
        if (isLive(entries.get(address))) continue
        // A machine that got another address since then uses that one, and may still use this one.
        const current = mac === undefined ? undefined : addresses.get(mac)
        const isReplaced = current !== undefined && current !== address && isLive(entries.get(current))
        set(address, { mac: isReplaced ? undefined : mac, until: now + remainingMs })
      }
    },
  }
}
