/**
 * The undeclared machines that boot the inventory system: their addresses, and what they reported. A report belongs to the
 * machine with the lease of its sender, and changes nothing else. Reports are kept in memory, and their number is limited.
 */
import type { Clock } from '../host/clock.ts'
import { RecentMap } from '../host/recent-map.ts'
import { parseIpv4 } from '../proto/address/ip.ts'
import type { Mac } from '../proto/address/mac.ts'
import { createInventoryBindings, type InventoryBindings, type LiveBinding } from './bindings.ts'
import type { InventoryReport } from './report.ts'

export type StoredReport = InventoryReport & {
  /** Milliseconds since 1970. */
  readonly receivedAt: number
}

export type Inventory = {
  readonly bindings: InventoryBindings
  /** Returns the undeclared machine with a live lease of an address. */
  holderOf(address: string): Mac | undefined
  /** Stores the report of a machine. @returns `invalid` for text that is not one, `busy` while there are too many */
  receive(mac: Mac, body: string): Promise<StoredReport | 'invalid' | 'busy'>
  reportOf(mac: Mac): StoredReport | undefined
}

/** The reports of a rack or two; the oldest one is dropped first. */
const maxReports = 128
/** New reports at once and in the long run, so that a flood of forged machines does not displace the others. */
const newReports = { burst: maxReports / 2, perSecond: 0.1 }
/** The minimum time between two reports of one machine. */
const intervalMs = 1000

type InventoryOptions = {
  readonly clock: Clock
  /** Records what DHCP did before, so that a lease is known when its machine reports. */
  readonly drain: () => void
  /** The addresses in use that the process before recorded. */
  readonly leases?: readonly LiveBinding[]
  /** Called after the bindings have changed. */
  readonly onChange?: () => void
}

export function createInventory({ clock, drain, leases = [], onChange }: InventoryOptions): Inventory {
  const bindings = createInventoryBindings(clock, Math.random, onChange)
  bindings.restore(leases)
  const reports = new RecentMap<Mac, { readonly report: StoredReport; readonly at: number }>(maxReports)
  let places = newReports.burst
  let placesAt = clock.monotonic()

  function hasPlace(): boolean {
    const now = clock.monotonic()
    places = Math.min(newReports.burst, places + ((now - placesAt) * newReports.perSecond) / 1000)
    placesAt = now
    if (places < 1) return false
    places--
    return true
  }

  return {
    bindings,
    holderOf(text) {
      drain()
      const address = parseIpv4(text)
      return address === undefined ? undefined : bindings.at(address)?.mac
    },
    async receive(mac, body) {
      const before = reports.get(mac)
      if (before !== undefined && clock.monotonic() - before.at < intervalMs) return 'busy'
      // Loaded here, because a site without an inventory boot does not need it.
      const { parseReport } = await import('./report.ts')
      const parsed = parseReport(body, mac)
      if (parsed === undefined) return 'invalid'
      if (before === undefined && !hasPlace()) return 'busy'
      const report = { ...parsed, receivedAt: clock.now() }
      reports.set(mac, { report, at: clock.monotonic() })
      return report
    },
    reportOf: (mac) => reports.get(mac)?.report,
  }
}
