/**
 * What was seen of a node on its way from power-on to its installed system. Services report these; the
 * state machine, the store and the timeline read them. Plain data: kept as JSON, so no field may hold more.
 */
import type { IgnitionKind, ImageFileKind } from '../plan/facts.ts'
import type { Callback } from '../plan/urls.ts'

/** Who speaks when a node asks for an address. */
export type Asker =
  /** PXE firmware. */
  | 'firmware'
  /** UEFI HTTP Boot. */
  | 'http-firmware'
  | 'ipxe'
  /** A kernel: the live system's or the installed one's; the order of things tells which. */
  | 'system'

/** What a boot script leads to. */
export type ScriptKind = 'install' | 'wait' | 'menu' | 'local' | 'failed'

/** The node's own words: its disk is written, its installed system has started, its installer gave up. */
export type CallbackStage = Callback

/** What a node's cluster says of it; approvals are those that slipway gave. */
export type ClusterWord =
  'approved-client' | 'registered' | 'approved-serving' | 'ready' | 'not-ready' | 'removed'

export type NodeCommand = 'install' | 'local' | 'menu' | 'forget'

/** What a node's next network boot leads to, and what it has behind itself. */
export type Mode =
  /** Armed: its next network boot begins an installation. */
  | 'install'
  /** It was given an installation and has not been seen to end it. */
  | 'installing'
  /** Its disk is written: network boots lead to the disk. */
  | 'installed'
  /** Network boots lead to the disk because the operator says so. */
  | 'local'
  /** Network boots lead to the menu for people. */
  | 'menu'
  /** Its installer gave up, or too many attempts came to nothing: a person has to look. */
  | 'failed'

/** Reported by a service, or by the core itself (`state`). Durations in milliseconds, sizes in octets. */
export type Seen = { readonly node: string } & (
  | {
      readonly kind: 'dhcp'
      readonly asker: Asker
      readonly message: 'discover' | 'request'
      /** False for a lease that is prolonged: nothing began to run. */
      readonly isFresh: boolean
      /** Option 93. */
      readonly architecture?: number
      /** Option 60, printable characters only. */
      readonly vendorClass: string
      /** `nothing-to-boot`: it got its address and no boot file. */
      readonly answer: 'offered' | 'acknowledged' | 'refused' | 'nothing-to-boot'
    }
  | {
      readonly kind: 'loader'
      /** The name that was asked for. */
      readonly file: string
      readonly by: 'tftp' | 'http'
      /** `probed`: the client wanted the size only (an ERROR after OACK, a HEAD). */
      readonly outcome: 'sent' | 'probed' | 'aborted' | 'missing'
      readonly octets: number
      readonly durationMs: number
    }
  | {
      readonly kind: 'script'
      readonly script: ScriptKind
      readonly role?: IgnitionKind
      /** What a node waits for, or why it failed: a sentence. */
      readonly reason?: string
    }
  | {
      readonly kind: 'file'
      readonly what: ImageFileKind
      readonly file: string
      /** `under-way` comes at most once a second for each download. */
      readonly outcome: 'begun' | 'under-way' | 'sent' | 'aborted'
      /** Sent so far. */
      readonly octets: number
      /** Of the whole answer. */
      readonly total: number
      readonly durationMs: number
    }
  | {
      readonly kind: 'ignition'
      /** `live`: for the live system that runs the installer. */
      readonly role: IgnitionKind | 'live'
      readonly outcome: 'sent' | 'aborted' | 'refused'
      /** `address:port` of the reader. */
      readonly client: string
      readonly octets: number
      /** Why it was refused: a sentence. */
      readonly reason?: string
    }
  | { readonly kind: 'callback'; readonly stage: CallbackStage; readonly client: string }
  | {
      readonly kind: 'cluster'
      readonly word: ClusterWord
      /** Since when it is so, by the clock of the cluster or of the node. Milliseconds since 1970. */
      readonly since?: number
      /** Why it is not Ready; the name of the request that was approved. */
      readonly reason?: string
    }
  | { readonly kind: 'command'; readonly command: NodeCommand }
  | { readonly kind: 'state'; readonly from: Mode; readonly to: Mode; readonly reason: string }
)

export type Observation = Seen & {
  /** Rises by one with each observation, also over restarts. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly at: number
}

export type Observe = (seen: Seen) => void
