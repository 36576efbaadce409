/** What the files of other programs contain about a site: the common result of all readers in this folder. */
import type { Role } from '../site/schema.ts'

/** A position in an imported file. */
export type At = {
  readonly file: string
  /** Starts at 1; 0 if the source is not a file. */
  readonly line: number
}

/** Something that was not imported, or that should be checked. */
export type Note = At & { readonly text: string }

export type MachineFact = At & {
  /** A label, or a fully qualified name without the final dot. */
  readonly name?: string
  readonly mac?: string
  /** Of other interfaces that it can boot from. */
  readonly otherMacs?: readonly string[]
  readonly addresses: readonly string[]
  readonly role?: Role
  readonly disk?: string
  readonly bmc?: string
  /** The section `network` of a node. */
  readonly network?: object
}

export type SubnetFact = At & {
  /** With a prefix or a netmask; host bits are allowed. */
  readonly cidr: string
  readonly gateway?: string
  readonly dns?: readonly string[]
  readonly ntp?: readonly string[]
  readonly domain?: string
  readonly search?: readonly string[]
  readonly leaseSeconds?: number
  readonly mtu?: number
}

export type ClusterFact = At & {
  readonly name: string
  /** The base domain. */
  readonly domain: string
  readonly disk?: string
  readonly architecture?: string
  /** Number of control-plane nodes. */
  readonly masters?: number
  /** Installed by the agent-based installer, without Ignition files. */
  readonly isAgent?: boolean
}

/** An A or AAAA record. */
export type NameFact = At & { readonly name: string; readonly address: string }

/** Another record, with the keys of dns.records. */
export type RecordFact = At & {
  readonly name: string
  readonly cname?: string
  readonly txt?: readonly string[]
  readonly srv?: readonly object[]
  readonly mx?: readonly object[]
  readonly caa?: readonly object[]
  readonly ns?: readonly string[]
}

export type Facts = {
  server: { interface?: string; address?: string }
  readonly subnets: SubnetFact[]
  readonly clusters: ClusterFact[]
  readonly machines: MachineFact[]
  readonly names: NameFact[]
  readonly records: RecordFact[]
  /** Resolvers for all other names. */
  readonly forward: string[]
  readonly forwardZones: { readonly zone: string; readonly servers: string[] }[]
  /** Domains that the imported server answers as a whole. */
  readonly zones: string[]
  /** Domain of machines whose names have only one label. */
  domain?: string
  /** Settings for all BMCs. */
  bmc?: { readonly credentials: string; readonly ca?: string }
  /** Whether HAProxy runs on the imported machine. */
  hasHaproxy?: boolean
  readonly notes: Note[]
}

/** A placeholder for the name of the cluster in names from a load balancer, whose file does not contain it. */
export const balancerDomain = 'cluster.invalid'

export function noFacts(): Facts {
  return {
    server: {},
    subnets: [],
    clusters: [],
    machines: [],
    names: [],
    records: [],
    forward: [],
    forwardZones: [],
    zones: [],
    notes: [],
  }
}

/** An imported file that is not of its kind at all; the message starts with its position. */
export class ImportProblem extends Error {
  override readonly name = 'ImportProblem'

  constructor({ file, line }: At, message: string) {
    super(`${file}:${line}: ${message}`)
  }
}

/** Returns the name in lower case without the final dot. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
