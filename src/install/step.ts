/** What one observation says of a step on a node's way: which step it is, and how far it came. Pure. */
import { bootTable } from '../plan/dhcp/boot-table.ts'
import type { ImageFileKind } from '../plan/facts.ts'
import type { Asker, ClusterWord, Observation, ScriptKind } from './observation.ts'

export type StepKind =
  | 'firmware-dhcp'
  | 'http-firmware-dhcp'
  | 'loader'
  | 'ipxe-dhcp'
  | `${ScriptKind}-script`
  | ImageFileKind
  | 'live-dhcp'
  | 'ignition'
  /** From its Ignition file to its own word that the disk is written. */
  | 'disk'
  /** Its installer gave up. */
  | 'failed'
  /** From that word to whatever is seen of it next. */
  | 'reboot'
  | 'disk-dhcp'
  /** Its installed system has started for the first time. */
  | 'started'
  /** What its cluster says of it. */
  | ClusterWord

export type StepOutcome =
  | 'done'
  | 'under-way'
  /** An address was offered and not taken. */
  | 'offered'
  /** Asked for the size only. */
  | 'probed'
  | 'aborted'
  | 'missing'
  | 'refused'
  | 'nothing-to-boot'
  /** It went on without a word of how this ended. */
  | 'unconfirmed'

/** Times in milliseconds since 1970, durations in milliseconds. */
export type Step = {
  readonly kind: StepKind
  /** The file, the architecture or the role that it is about; may be empty. */
  readonly what: string
  readonly outcome: StepOutcome
  /** What it waits for, why it was refused or failed: a sentence. */
  readonly reason?: string
  readonly startedAt: number
  readonly endedAt: number
  /** Of the last download; of anything else from its first sight to its last. */
  readonly durationMs: number
  /** Sent so far, of `total`. */
  readonly octets?: number
  readonly total?: number
  readonly octetsPerSecond?: number
  /** How often it was done in this boot. */
  readonly count: number
  readonly by?: 'tftp' | 'http'
  /** Option 93. */
  readonly architecture?: number
  /** Of its latest observation. */
  readonly sequence: number
}

/** What a step has from the observation alone; when, and how often, is the timeline's. */
export type StepUpdate = Pick<
  Step,
  'what' | 'outcome' | 'reason' | 'octets' | 'total' | 'by' | 'architecture'
> & {
  readonly kind: Exclude<StepKind, ClusterWord>
  /** Of a download. */
  readonly durationMs?: number
  /** Steps of a boot with the same key are one step. */
  readonly key: string
  /** Whether this is another one, and not more of the same, after such a step. */
  readonly isAnother: (before: Pick<Step, 'outcome'>) => boolean
}

const dhcpSteps = {
  firmware: 'firmware-dhcp',
  'http-firmware': 'http-firmware-dhcp',
  ipxe: 'ipxe-dhcp',
} as const satisfies Partial<Record<Asker, StepKind>>

/**
 * What iPXE and shim look for beside themselves and do without: that it is missing means nothing. iPXE for EFI asks
 * for a script since 2024, shim for lists of what was revoked.
 */
const expectedMisses = /(?:^|\/)(?:autoexec\.ipxe|revocations\w*\.efi|shim_certificate\w*\.efi)$/i

/**
 * @param systemStep which step a system's DHCP is, by what was seen before it
 * @returns `undefined` for what is no step of its own doing: a lease prolonged, a command, a change of state, a word
 * of its cluster's
 */
export function glimpse(seen: Observation, systemStep: 'live-dhcp' | 'disk-dhcp'): StepUpdate | undefined {
  switch (seen.kind) {
    case 'dhcp': {
      if (!seen.isFresh) return undefined
      const kind = seen.asker === 'system' ? systemStep : dhcpSteps[seen.asker]
      return {
        kind,
        key: kind,
        what: seen.asker === 'system' ? '' : architectureName(seen.architecture),
        outcome: dhcpOutcome(seen),
        // A DISCOVER begins anew; so does a REQUEST, unless it takes what was offered (RFC 2131 §4.3.2).
        isAnother: ({ outcome }) => seen.message === 'discover' || outcome !== 'offered',
        ...(seen.architecture === undefined ? {} : { architecture: seen.architecture }),
      }
    }
    case 'loader': {
      const { file, outcome, octets, durationMs, by } = seen
      if (outcome === 'missing' && expectedMisses.test(file)) return undefined
      return {
        kind: 'loader',
        key: `loader ${file}`,
        what: file,
        outcome: outcome === 'sent' ? 'done' : outcome,
        // A probe belongs to the transfer that follows it.
        isAnother: (before) => (outcome === 'probed') === (before.outcome === 'probed'),
        ...{ octets, durationMs, by },
      }
    }
    case 'script': {
      const kind = `${seen.script}-script` as const
      return {
        kind,
        key: [kind, seen.role, seen.reason].join(' '),
        what: seen.role ?? '',
        outcome: seen.script === 'wait' ? 'under-way' : 'done',
        isAnother: () => true,
        ...reasonOf(seen),
      }
    }
    case 'file': {
      const { what: kind, file, outcome, octets, total, durationMs } = seen
      return {
        kind,
        key: `${kind} ${file}`,
        what: file,
        outcome: outcome === 'sent' ? 'done' : outcome === 'aborted' ? 'aborted' : 'under-way',
        isAnother: (before) => outcome === 'begun' || before.outcome !== 'under-way',
        ...{ octets, total, durationMs },
      }
    }
    case 'ignition': {
      const { role, outcome, octets } = seen
      return {
        kind: 'ignition',
        // A refused reader may be another one: it does not touch what the node was given.
        key: `ignition ${role} ${outcome === 'refused' ? 'refused' : ''}`,
        what: role,
        outcome: outcome === 'sent' ? 'done' : outcome,
        isAnother: () => true,
        octets,
        ...reasonOf(seen),
      }
    }
    case 'callback': {
      const kind = seen.stage === 'written' ? 'disk' : seen.stage
      return { kind, key: kind, what: '', outcome: 'done', isAnother: ({ outcome }) => outcome === 'done' }
    }
    case 'cluster':
    case 'command':
    case 'state':
      return undefined
  }
}

function dhcpOutcome({ asker, message, answer }: Observation & { kind: 'dhcp' }): StepOutcome {
  if (answer === 'refused') return 'refused'
  // A system asks for no boot file.
  if (answer === 'nothing-to-boot' && asker !== 'system') return 'nothing-to-boot'
  return message === 'discover' ? 'offered' : 'done'
}

function reasonOf({ reason }: { readonly reason?: string }): { reason?: string } {
  return reason === undefined ? {} : { reason }
}

/** `x64 UEFI`, or the number of one that nobody knows. */
function architectureName(architecture: number | undefined): string {
  if (architecture === undefined) return ''
  const row = bootTable.find((candidate) => candidate.architecture === architecture)
  return row?.name ?? `architecture ${architecture}`
}
