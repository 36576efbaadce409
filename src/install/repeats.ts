/**
 * Recognizes observations that only repeat the last one of their kind. Clients that poll repeat a request every few
 * seconds, and a flood repeats it a thousand times a second: stored each time, it would push the installation out of
 * the history and keep the disk busy.
 */
import type { Seen } from './observation.ts'

/** Waiting scripts and refused clients repeat their request every few seconds. */
const pollMs = 60_000
/** DHCP clients wait longer before they retransmit: iPXE 1 s, PXE 4 s. */
const retransmitMs = 500
/** Requests without a reason to wait, for example for the script that starts the local disk. */
const requestMs = 2000

/** Rows of one kind that a machine may add at once, and how fast it may add more. */
const burst = 240
const refillPerMs = 240 / 60_000

export type RepeatFilter = {
  /** @param tick monotonic milliseconds @returns whether the observation is a repetition, or one of a flood */
  isRepeat(machine: string, seen: Seen, tick: number): boolean
}

/** The first observation of a series, and when it was. */
type First<S extends Seen = Seen> = { readonly seen: S; readonly tick: number }
type Budget = { rows: number; tick: number }
type DhcpSeen = Extract<Seen, { kind: 'dhcp' }>

/** What is known of one machine. Every DHCP message of a flood is checked here, so no key is built from texts. */
type MachineSeries = {
  readonly dhcp: { readonly [Message in DhcpSeen['message']]: Map<DhcpSeen['asker'], First<DhcpSeen>> }
  readonly others: Map<Seen['kind'], First>
  readonly budgets: Map<Seen['kind'], Budget>
}

export function createRepeatFilter(): RepeatFilter {
  const machines = new Map<string, MachineSeries>()

  function seriesOf(machine: string): MachineSeries {
    const known = machines.get(machine)
    if (known !== undefined) return known
    const dhcp = { discover: new Map(), request: new Map() }
    const series = { dhcp, others: new Map(), budgets: new Map() }
    machines.set(machine, series)
    return series
  }

  return {
    isRepeat(machine, seen, tick) {
      const series = seriesOf(machine)
      if (repeatsLast(series, seen, tick)) return true
      // Commands, callbacks, and state changes come from administrators, tokens, and ourselves.
      const isUnlimited = seen.kind === 'command' || seen.kind === 'callback' || seen.kind === 'state'
      return !isUnlimited && isOverBudget(series.budgets, seen.kind, tick)
    },
  }
}

function repeatsLast({ dhcp, others }: MachineSeries, seen: Seen, tick: number): boolean {
  const { kind } = seen
  switch (kind) {
    case 'dhcp': {
      const firsts = dhcp[seen.message]
      const first = firsts.get(seen.asker)
      if (first !== undefined && tick - first.tick < retransmitMs && isSameDhcp(first.seen, seen)) return true
      firsts.set(seen.asker, { seen, tick })
      return false
    }
    case 'script':
    case 'ignition': {
      const { reason } = seen
      const first = others.get(kind)
      const withinMs = kind === 'script' && reason === undefined ? requestMs : pollMs
      if (first !== undefined && tick - first.tick < withinMs && isSameAnswer(first.seen, seen)) return true
      others.set(kind, { seen, tick })
      return false
    }
    default:
      return false
  }
}

function isSameDhcp(one: DhcpSeen, other: DhcpSeen): boolean {
  return (
    one.answer === other.answer &&
    one.isFresh === other.isFresh &&
    one.architecture === other.architecture &&
    one.vendorClass === other.vendorClass &&
    isSameList(one.ignored, other.ignored)
  )
}

function isSameList(one: DhcpSeen['ignored'] = [], other: DhcpSeen['ignored'] = []): boolean {
  return one.length === other.length && one.every(({ text }, index) => text === other[index]?.text)
}

function isSameAnswer(one: Seen, other: Seen): boolean {
  if (one.kind === 'script') {
    return other.kind === 'script' && one.script === other.script && one.reason === other.reason
  }
  // Each Ignition file that was sent has a separate row.
  if (one.kind !== 'ignition' || other.kind !== 'ignition') return false
  return one.reason !== undefined && one.reason === other.reason
}

function isOverBudget(budgets: Map<Seen['kind'], Budget>, kind: Seen['kind'], tick: number): boolean {
  let budget = budgets.get(kind)
  if (budget === undefined) {
    budget = { rows: burst, tick }
    budgets.set(kind, budget)
  }
  budget.rows = Math.min(burst, budget.rows + (tick - budget.tick) * refillPerMs)
  budget.tick = tick
  if (budget.rows < 1) return true
  budget.rows--
  return false
}
