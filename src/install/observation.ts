/**
 * Observations of a node between power-on and its installed system. The services report them; the state machine,
 * the store, and the timeline read them. Plain data that is stored as JSON. A filter recognizes observations that only repeat
 * the last one of their kind.
 */
import type { BootClient } from '../plan/dhcp/boot-table.ts'
import type { InstallRole, ImageFileKind } from '../plan/facts.ts'
import type { Callback } from '../plan/urls.ts'
import type { Mode } from './node-states.ts'

/** The kind of DHCP client. */
export type Asker =
  /** PXE firmware. */
  | 'firmware'
  /** UEFI HTTP Boot. */
  | 'http-firmware'
  | 'ipxe'
  /** A Linux kernel, of the live or the installed system; the order of the steps shows which. */
  | 'system'

/** Returns the kind of a client. */
export function askerOf({ protocol, isIpxe }: Pick<BootClient, 'protocol' | 'isIpxe'>): Asker {
  if (isIpxe) return 'ipxe'
  switch (protocol) {
    case 'PXEClient':
      return 'firmware'
    case 'HTTPClient':
      return 'http-firmware'
    case undefined:
      return 'system'
  }
}

/** What a boot script does. */
export type ScriptKind = 'install' | 'wait' | 'menu' | 'local' | 'failed'

/** Reports of the node itself: its disk is written, its installed system started, or its installer failed. */
export type CallbackStage = Callback

/** Results of the disk check: the disk may be overwritten, or it holds data and is kept. */
export type DiskStage = 'disk-clear' | 'disk-kept'

/** Reports of the node's cluster; approvals are those of slipway. */
export type ClusterEvent =
  | 'approved-client'
  | 'registered'
  | 'approved-serving'
  | 'ready'
  | 'not-ready'
  | 'removed'
  /** Reports of the assisted service: progress, the disk is written, and an error. */
  | 'assisted'
  | 'assisted-installed'
  | 'assisted-failed'

export type NodeCommand = 'install' | 'local' | 'menu' | 'forget'

/** What a service observed, or a state change. Durations are in milliseconds, sizes in bytes. */
export type Seen = { readonly node: string } & (
  | {
      readonly kind: 'dhcp'
      readonly asker: Asker
      readonly message: 'discover' | 'request'
      /** False for a renewed lease: no system started. */
      readonly isFresh: boolean
      /** Option 93. */
      readonly architecture?: number
      /** Option 60, printable characters only. */
      readonly vendorClass: string
      /** Option 97, the SMBIOS UUID of the machine. */
      readonly uuid?: string
      /** Options that cannot be used, in the client's message or added by a relay agent (82). */
      readonly ignored?: readonly { readonly code: number; readonly text: string }[]
      /** The message came from a port that any process can use: it is not evidence. */
      readonly isUnprivileged?: true
      /** `nothing-to-boot`: an address without a boot file. */
      readonly answer: 'offered' | 'acknowledged' | 'refused' | 'nothing-to-boot'
      /** The other DHCP server whose offer the client accepted, in dotted text. */
      readonly server?: string
    }
  | {
      readonly kind: 'loader'
      /** The requested name. */
      readonly file: string
      readonly by: 'tftp' | 'http'
      /** `probed`: the client requested only the size (an ERROR after OACK, or HEAD). */
      readonly outcome: 'sent' | 'probed' | 'aborted' | 'missing'
      readonly octets: number
      readonly durationMs: number
    }
  | {
      readonly kind: 'script'
      readonly script: ScriptKind
      readonly role?: InstallRole
      /** With `server.tls`, whether iPXE trusts the CA; other scripts have no such protocol. */
      readonly by?: 'https' | 'http'
      /** What the node waits for, or why it failed: a sentence. */
      readonly reason?: string
    }
  | {
      readonly kind: 'file'
      readonly what: ImageFileKind
      readonly file: string
      /** `under-way` is reported at most once a second for each download. `missing`: this server cannot send it. */
      readonly outcome: 'begun' | 'under-way' | 'sent' | 'aborted' | 'missing'
      /** Sent up to now. */
      readonly octets: number
      /** Size of the whole response. */
      readonly total: number
      readonly durationMs: number
      /** Why this server cannot send it: a sentence. */
      readonly reason?: string
    }
  | {
      readonly kind: 'ignition'
      /** `live`: the file of the live system that runs the installer. */
      readonly role: InstallRole | 'live'
      /** The name of a file for the installer of another operating system; absent for Ignition files. */
      readonly file?: string
      /** `missing`: this server cannot send it. */
      readonly outcome: 'sent' | 'aborted' | 'refused' | 'missing'
      /** `address:port` of the client. */
      readonly client: string
      readonly octets: number
      /** Why it was refused, or cannot be sent: a sentence. */
      readonly reason?: string
    }
  | {
      readonly kind: 'callback'
      readonly stage: CallbackStage | DiskStage
      readonly client: string
      /** What the disk holds, or why it may be overwritten: a sentence. */
      readonly reason?: string
    }
  | {
      readonly kind: 'cluster'
      readonly word: ClusterEvent
      /** Start of this condition, by the clock of the cluster or the node. Milliseconds since 1970. */
      readonly since?: number
      /** Why the node is not Ready, or the name of the approved request. */
      readonly reason?: string
    }
  /** `by`: the user of the API, for example `token:ansible`. */
  | { readonly kind: 'command'; readonly command: NodeCommand; readonly by?: string }
  | { readonly kind: 'state'; readonly from: Mode; readonly to: Mode; readonly reason: string }
)

export type Observation = Seen & {
  /** Increases by one with each observation, even across restarts. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** How often it was repeated within a short time, if more than once, and when last. */
  readonly count?: number
  readonly lastAt?: number
  /** Address of the appliance that made the observation, if it was another one of the site. */
  readonly appliance?: string
}

/** @param repeated how often it was repeated, if it was reported before and only repeated since */
export type Observe = (seen: Seen, repeated?: number) => void

// Clients that poll repeat a request every few seconds, and a flood repeats it a thousand times a second. Stored each time,
// these requests would displace the installation from the history and keep the disk busy.

/** Waiting scripts and refused clients repeat their request every few seconds. */
const pollMs = 60_000
/** DHCP clients wait longer before they retransmit: iPXE 1 s, PXE 4 s. */
export const retransmitMs = 500
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
export type DhcpSeen = Extract<Seen, { kind: 'dhcp' }>

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

/** Returns whether one observation only repeats the other. */
export function isSameDhcp(one: DhcpSeen, other: DhcpSeen): boolean {
  return (
    one.answer === other.answer &&
    one.isFresh === other.isFresh &&
    one.architecture === other.architecture &&
    one.vendorClass === other.vendorClass &&
    one.server === other.server &&
    isSameList(one.ignored, other.ignored)
  )
}

function isSameList(one: DhcpSeen['ignored'] = [], other: DhcpSeen['ignored'] = []): boolean {
  return one.length === other.length && one.every(({ text }, index) => text === other[index]?.text)
}

function isSameAnswer(one: Seen, other: Seen): boolean {
  if (one.kind === 'script') {
    return (
      other.kind === 'script' &&
      one.script === other.script &&
      one.reason === other.reason &&
      one.by === other.by
    )
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
