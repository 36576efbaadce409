/** The data that the page reads, as far as it uses it. test/serve/page/types.test.ts compares it with the API. */
import type { NodeDetails, NodeReport } from '../../../install/reports.ts'
import type { Boot } from '../../../install/timeline.ts'

export type Node = NodeReport

export type Problem = { readonly code: string; readonly text: string }

export type Summary = {
  readonly site: string
  readonly siteFile: string
  readonly siteFileDiffers: boolean
  readonly uptimeSeconds: number
  readonly problems: readonly Problem[]
  readonly warnings: readonly string[]
  /** Number of undeclared machines. */
  readonly strangers: number
  /** The clock of the server, in milliseconds since 1970. */
  readonly now: number
}

export type BalancedServer = {
  readonly node: string
  readonly backend: string
  readonly server: string
  readonly status: string
  readonly isUp: boolean
  readonly isTested: boolean
  readonly isBackup: boolean
  readonly isExpected: boolean
  readonly isOut: boolean
  readonly isLeaving: boolean
  readonly since?: number
  readonly connections: number
  readonly sentence: string
}

export type LoadBalancer = {
  readonly servers?: readonly BalancedServer[]
  readonly unreachable?: string
  readonly applied?: { readonly outcome: string; readonly reason?: string }
}

export type NextBoot = {
  readonly kind: 'install' | 'wait' | 'menu' | 'local' | 'failed'
  readonly role?: string
  readonly reason?: string
}

export type NodePage = {
  readonly details: NodeDetails
  readonly nextBoot: NextBoot
  readonly siblings: readonly { readonly node: string; readonly boot: Boot }[]
  readonly servers: readonly BalancedServer[]
  /** Present while an administrator has drained the node. */
  readonly drained?: { readonly since: number; readonly by: string }
  /** Whether the site declares its BMC. */
  readonly hasBmc: boolean
  /** Whether the site declares a syslog receiver. */
  readonly hasSyslog: boolean
}

export type NodeLog = {
  readonly lines: readonly {
    readonly sequence: number
    readonly at: number
    readonly severity: number
    readonly app?: string
    readonly text: string
  }[]
  readonly dropped: number
}

export type Power = {
  readonly bmc: string
  readonly isManaged: boolean
  readonly readAt: number
  readonly power: 'on' | 'off' | 'turning-on' | 'turning-off' | 'unknown'
  readonly manufacturer?: string
  readonly model?: string
  readonly progress?: string
  readonly bootOverride?: { readonly target: string; readonly isOnce: boolean }
  readonly health?: string
}

export type Explanation = {
  readonly image?: string
  readonly disk?: string
  /** What chooses the disk, if the site does not. */
  readonly diskChooser?: 'agent' | 'installer'
  readonly offers: readonly {
    readonly client: string
    readonly reason?: string
    readonly address?: string
    readonly bootFile?: string
    readonly options: readonly { readonly code: number; readonly name: string; readonly value: string }[]
    readonly loader?: { readonly path?: string; readonly problem?: string }
  }[]
  /** Absent for a node that slipway does not boot. */
  readonly script?: { readonly url: string; readonly leadsTo: string; readonly body: string }
  readonly ignition?: {
    readonly url: string
    readonly file: string
    readonly octets?: number
    readonly isAsked?: true
    readonly problem?: string
    readonly added: readonly { readonly path: string; readonly mode: string; readonly from?: string }[]
  }
  readonly dns: Readonly<Record<'forward' | 'reverse', readonly DnsRecord[]>>
  readonly haproxy: readonly {
    readonly service: string
    readonly addresses: readonly string[]
    readonly server: string
    readonly isBackup: boolean
    readonly isOut: boolean
  }[]
}

export type DnsRecord = { readonly owner: string; readonly type: string; readonly data: string }

export type Stage = {
  readonly name: string
  readonly state: 'reached' | 'under-way' | 'ahead' | 'unknown'
  readonly since?: number
  readonly reachedAt?: number
  readonly note?: string
  readonly missing: readonly string[]
}

export type Member = {
  readonly node: string
  readonly state: 'absent' | 'not-ready' | 'ready' | 'unknown'
  readonly since?: number
  readonly reason?: string
}

export type Cluster = {
  readonly cluster: string
  readonly trouble?: string
  readonly stages: readonly Stage[]
  readonly members: readonly Member[]
  readonly bootstrap?: {
    readonly kind: 'waiting' | 'out' | 'kept'
    readonly since: number
    readonly reason: string
    readonly refusal?: { readonly reason: string }
  }
  readonly requests: { readonly approve: string; readonly pending?: number; readonly approved: number }
}

export type PendingRequests = {
  readonly cluster: string
  readonly trouble?: string
  readonly requests: readonly {
    readonly name: string
    readonly signer: string
    readonly username: string
    readonly reason: string
    readonly createdAt?: number
  }[]
}

type Seen = { readonly firstSeen: number; readonly lastSeen: number; readonly count: number }

export type UndeclaredMachine = Seen & {
  readonly mac: string
  readonly vendorClass: string
  readonly architecture?: number
  /** Declared nodes whose MAC address is nearly the same. */
  readonly similar?: readonly { readonly node: string; readonly mac: string }[]
  /** What the machine reported in an inventory boot. */
  readonly inventory?: {
    readonly vendor?: string
    readonly product?: string
    readonly serial?: string
    readonly disks: readonly { readonly name: string; readonly bytes: number }[]
  }
}

export type ServerPage = Summary & {
  readonly listening: readonly string[]
  readonly counters: Readonly<Record<string, number>>
  readonly refusals: Readonly<Record<string, number>>
  readonly process: {
    readonly eventLoopDelayMs: { readonly p99: number; readonly max: number }
    readonly residentMemoryBytes: number
    readonly openFiles?: number
    readonly datagramsDropped?: number
    readonly logLinesLost: number
  }
  readonly strangers: readonly UndeclaredMachine[]
  readonly otherDhcpServers: readonly (Seen & {
    readonly server: string
    readonly mac: string
    readonly node: string
  })[]
  readonly declined: readonly {
    readonly mac: string
    readonly node: string
    readonly address: string
    readonly lastSeen: number
    readonly count: number
  }[]
  readonly ignition: readonly {
    readonly cluster: string
    readonly kind: string
    readonly expiresAt: number
  }[]
  readonly images: readonly {
    readonly name: string
    readonly directory: string
    readonly files: readonly string[]
    readonly bytes: number
    readonly changedAt?: number
    readonly nodes: number
  }[]
  readonly throughput: readonly Readonly<Record<'at' | 'images' | 'tftp' | 'dns' | 'http', number>>[]
}

export type Changes = {
  readonly items: readonly {
    readonly action: 'add' | 'change' | 'remove'
    readonly kind: string
    readonly name: string
    readonly details: readonly {
      readonly label: string
      readonly before?: string
      readonly after?: string
      readonly isHidden?: true
    }[]
    readonly effects: readonly { readonly text: string }[]
  }[]
  readonly restart: readonly { readonly text: string }[]
}

/** A new node, before or after it is written to the site file. */
export type Planned = {
  readonly outcome: 'planned' | 'written' | 'present'
  readonly node: string
  readonly file: string
  readonly line: number
  readonly entry: string
  readonly base: string
  readonly changes: Changes
  readonly troubles: readonly string[]
}

export type HistoryEntry = {
  readonly number: number
  readonly at: number
  readonly summary: string
  readonly by?: string
  readonly confirmBy?: number
}
