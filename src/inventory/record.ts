/**
 * The leases of undeclared machines in the state directory, so that a restart gives no address to a second machine. It is
 * written after the reply: a lease of the last moment before a crash can be missing.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import { writeAtomically } from '../host/files.ts'
import type { Log } from '../host/log.ts'
import type { InventoryLeases } from '../plan/dhcp/plan.ts'
import { formatIpv4, parseIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { parseMac } from '../proto/address/mac.ts'
import { graceMs, type InventoryBindings, type LiveBinding } from './bindings.ts'
import type { InventoryCode } from './codes.ts'
import { createInventory, type Inventory } from './inventory.ts'

const fileName = 'inventory-leases.json'
const version = 1

type Options = {
  readonly directory: string
  readonly clock: Pick<Clock, 'now'>
  readonly log: Pick<Log, 'error'>
}

/** `until`: milliseconds since 1970. `mac` is absent for an address that no machine gets until then. */
type Entry = { readonly address: string; readonly mac?: string; readonly until: number }

/**
 * Returns the leases of the process before. If the record cannot be read, each address of the range could be in use: then
 * none is given to a machine until every earlier lease has ended. Never rejects.
 */
async function readInventoryRecord(
  { directory, clock, log }: Options,
  range: InventoryLeases | undefined,
): Promise<readonly LiveBinding[]> {
  const file = join(directory, fileName)
  try {
    const saved = JSON.parse(await readFile(file, 'utf8')) as { version?: unknown; leases?: unknown }
    if (saved.version !== version || !Array.isArray(saved.leases)) throw new Error('it has an unknown form')
    const now = clock.now()
    return saved.leases.map(readEntry).flatMap(({ until, ...binding }) => {
      // A clock that was set back does not hold an address for longer than a lease.
      const longestMs = range === undefined ? until - now : range.leaseMs + graceMs
      return until <= now ? [] : [{ ...binding, remainingMs: Math.min(until - now, longestMs) }]
    })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    const facts = { file, code: 'state.inventory-record-unreadable' satisfies InventoryCode, reason: message }
    log.error(facts, 'record of inventory leases unreadable, no new lease until earlier ones have ended')
    return range === undefined ? [] : heldAddresses(range)
  }
}

function heldAddresses({ from, to, leaseMs }: InventoryLeases): LiveBinding[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    mac: undefined,
    address: (from + index) as Ipv4,
    remainingMs: leaseMs + graceMs,
  }))
}

function readEntry(value: unknown): Omit<LiveBinding, 'remainingMs'> & { readonly until: number } {
  const { address, mac, until } = value as { readonly [K in keyof Entry]: unknown }
  const parsed = typeof address === 'string' ? parseIpv4(address) : undefined
  const owner = typeof mac === 'string' ? parseMac(mac) : undefined
  if (parsed === undefined || typeof until !== 'number' || (owner === undefined && mac !== undefined))
    throw new Error('it has an unknown entry')
  return { mac: owner, address: parsed, until }
}

/** Creates the inventory of this process with the leases of the one before. */
export async function createRecordedInventory(
  options: Omit<Options, 'directory'> & {
    readonly clock: Clock
    readonly drain: () => void
    /** State directory; without it, a restart forgets the leases. */
    readonly directory: string | undefined
  },
  range: InventoryLeases | undefined,
): Promise<Inventory & { readonly close: () => Promise<void> }> {
  const { clock, drain, directory } = options
  if (directory === undefined) return { ...createInventory({ clock, drain }), close: async () => {} }
  const leases = await readInventoryRecord({ ...options, directory }, range)
  let changed = (): void => {}
  const inventory = createInventory({ clock, drain, leases, onChange: () => changed() })
  const record = createInventoryRecord({ ...options, directory }, inventory.bindings)
  changed = record.changed
  return { ...inventory, close: record.written }
}

/** Writes the record after changes; one write at a time, and one more if something changed meanwhile. */
function createInventoryRecord(
  { directory, clock, log }: Options,
  bindings: Pick<InventoryBindings, 'live'>,
): { readonly changed: () => void; readonly written: () => Promise<void> } {
  const file = join(directory, fileName)
  let writing: Promise<void> | undefined
  let isStale = false

  async function write(): Promise<void> {
    isStale = false
    const now = clock.now()
    const leases: Entry[] = bindings.live().map(({ mac, address, remainingMs }) => ({
      address: formatIpv4(address),
      ...(mac !== undefined && { mac }),
      until: Math.ceil(now + remainingMs),
    }))
    try {
      await writeAtomically(file, `${JSON.stringify({ version, leases })}\n`, 0o600)
    } catch (error) {
      const { message: reason } = error as Error
      const facts = { file, code: 'state.inventory-record-not-written' satisfies InventoryCode, reason }
      log.error(facts, 'record of inventory leases not written')
    }
  }

  function start(): Promise<void> {
    return write().then(() => {
      writing = isStale ? start() : undefined
      return writing
    })
  }

  return {
    changed() {
      isStale = true
      writing ??= start()
    },
    written: async () => writing,
  }
}
