/** What `slipway check --dns` found: the shape that the terminal and JSON output share. */
import type { OtherTypeName } from '../proto/dns/presentation.ts'
import type { TypeName } from '../proto/dns/registry.ts'
import type { DriftCode } from './codes.ts'

export type Severity = 'ok' | 'warning' | 'failure'

/** A server to query, and who uses it. */
export type CheckedServer = {
  readonly address: string
  readonly port: number
  /** `this server`, `nodes in 172.16.0.0/24`, `dns.forward`, `/etc/resolv.conf` */
  readonly usedBy: readonly string[]
  /** Whether nodes depend on its answers: differences are failures, and warnings otherwise. */
  readonly isRequired: boolean
}

/** The records that the site declares for one name and type; `values` is empty where there must be none. */
export type Expectation = {
  readonly zone: string
  /** As declared: `*.apps.ocp45.example.net`. */
  readonly name: string
  /** The name to query, which has a random label instead of the asterisk. */
  readonly query: string
  readonly type: TypeName | OtherTypeName
  /** Like the data in a master file, sorted. */
  readonly values: readonly string[]
}

export type RecordStatus = 'ok' | 'missing' | 'different' | 'extra' | 'lame' | 'unresponsive' | 'malformed'

export type RecordResult = {
  readonly server: CheckedServer
  readonly expectation: Expectation
  readonly status: RecordStatus
  readonly severity: Severity
  /** Absent where the status is ok. */
  readonly code?: DriftCode
  readonly found: readonly string[]
  /** `NXDOMAIN`, `REFUSED`, `no answer in 3 s` */
  readonly reason?: string
}

/** A result that is not about a record of the site. */
export type ZoneResult = {
  readonly kind: 'delegation' | 'reverse'
  readonly zone: string
  readonly severity: Severity
  readonly code?: DriftCode
  /** One sentence in lower case without a full stop. */
  readonly message: string
}

export type DriftReport = {
  readonly servers: readonly CheckedServer[]
  readonly records: readonly RecordResult[]
  readonly zones: readonly ZoneResult[]
}

export function hasFailure({ records, zones }: DriftReport): boolean {
  return [...records, ...zones].some(({ severity }) => severity === 'failure')
}
