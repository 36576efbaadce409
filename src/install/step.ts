/** Translates one observation of a node into an update of one step of its boot. Pure. */
import { isOptionalName } from '../plan/boot/names.ts'
import { bootTable } from '../plan/dhcp/boot-table.ts'
import { OptionCode } from '../proto/dhcp/option-table.ts'
import type { Asker, ClusterEvent, Observation } from './observation.ts'
import type { StepKind } from './step-kinds.ts'

export type StepOutcome =
  | 'done'
  | 'under-way'
  /** An address was offered and not accepted. */
  | 'offered'
  /** Only the size was requested. */
  | 'probed'
  | 'aborted'
  /** This server could not send the file. */
  | 'missing'
  | 'refused'
  | 'nothing-to-boot'
  /** A later step followed, and the end of this one was not reported. */
  | 'unconfirmed'

/** Times in milliseconds since 1970, durations in milliseconds. */
export type Step = {
  readonly kind: StepKind
  /** The file, the architecture, or the role; may be empty. */
  readonly what: string
  readonly outcome: StepOutcome
  /** What the node waits for, or why the step was refused or failed: a sentence. */
  readonly reason?: string
  readonly startedAt: number
  readonly endedAt: number
  /** Duration of the last download; for other steps, the time from the first to the last observation. */
  readonly durationMs: number
  /** Sent up to now, of `total`. */
  readonly octets?: number
  readonly total?: number
  /** Of an active download over the last 10 s, of a complete one over its whole duration. */
  readonly octetsPerSecond?: number
  /** When an active download last progressed. */
  readonly progressAt?: number
  /** How often it happened in this boot. */
  readonly count: number
  /** How a loader was sent; how a script was sent if the site has `server.tls`. */
  readonly by?: 'tftp' | 'http' | 'https'
  /** Option 93. */
  readonly architecture?: number
  /** The other DHCP server whose offer the client accepted, in dotted text. */
  readonly server?: string
  /** Number of the latest observation. */
  readonly sequence: number
}

/** The part of a step that follows from one observation; the timeline adds times and counts. */
export type StepUpdate = Pick<
  Step,
  'what' | 'outcome' | 'reason' | 'octets' | 'total' | 'by' | 'architecture' | 'server'
> & {
  readonly kind: Exclude<StepKind, ClusterEvent>
  /** Duration of a download. */
  readonly durationMs?: number
  /** Updates of one boot with the same key belong to one step. */
  readonly key: string
  /** Returns whether this update counts as a repetition of the step, and not as its continuation. */
  readonly isAnother: (before: Pick<Step, 'outcome'>) => boolean
}

/** The option of relay agents (RFC 3046). */
const relayAgentInformation: number = OptionCode.relayAgentInformation

const dhcpSteps = {
  firmware: 'firmware-dhcp',
  'http-firmware': 'http-firmware-dhcp',
  ipxe: 'ipxe-dhcp',
} as const satisfies Partial<Record<Asker, StepKind>>

/**
 * @param systemStep the step that a DHCP message of a Linux system belongs to, which depends on earlier steps
 * @returns `undefined` for observations that are not steps of the node: renewed leases, commands, state changes, and
 * reports of its cluster
 */
export function stepUpdateOf(
  seen: Observation,
  systemStep: 'live-dhcp' | 'disk-dhcp',
): StepUpdate | undefined {
  switch (seen.kind) {
    case 'dhcp': {
      if (!seen.isFresh) return undefined
      const kind = seen.asker === 'system' ? systemStep : dhcpSteps[seen.asker]
      return {
        kind,
        key: kind,
        what: seen.asker === 'system' ? '' : architectureName(seen.architecture),
        outcome: dhcpOutcome(seen),
        // A DISCOVER starts again; so does a REQUEST, unless it accepts an offer (RFC 2131 §4.3.2).
        isAnother: ({ outcome }) => seen.message === 'discover' || outcome !== 'offered',
        ...(seen.architecture === undefined ? {} : { architecture: seen.architecture }),
        ...ignoredOptions(seen),
        ...(seen.server === undefined
          ? {}
          : { reason: `accepted the offer of another DHCP server (${seen.server})`, server: seen.server }),
      }
    }
    case 'loader': {
      const { file, outcome, octets, durationMs, by } = seen
      if (outcome === 'missing' && isOptionalName(file)) return undefined
      return {
        kind: 'loader',
        key: `loader ${file}`,
        what: file,
        outcome: outcome === 'sent' ? 'done' : outcome,
        // A size request belongs to the transfer that follows it.
        isAnother: (before) => (outcome === 'probed') === (before.outcome === 'probed'),
        octets,
        durationMs,
        by,
      }
    }
    case 'script': {
      const kind = `${seen.script}-script` as const
      return {
        kind,
        key: [kind, seen.role, seen.reason, seen.by].join(' '),
        what: seen.role ?? '',
        ...(seen.by === undefined ? {} : { by: seen.by }),
        outcome: seen.script === 'wait' ? 'under-way' : 'done',
        isAnother: () => true,
        ...reasonOf(seen),
      }
    }
    case 'file': {
      const { what: kind, file, outcome, octets, total, durationMs } = seen
      const common = { kind, key: `${kind} ${file}`, what: file }
      if (outcome === 'missing') return { ...common, outcome, isAnother: () => true, ...reasonOf(seen) }
      return {
        ...common,
        outcome: outcome === 'sent' ? 'done' : outcome === 'aborted' ? 'aborted' : 'under-way',
        isAnother: (before) => outcome === 'begun' || before.outcome !== 'under-way',
        octets,
        total,
        durationMs,
      }
    }
    case 'ignition': {
      const { role, file, outcome, octets } = seen
      return {
        kind: file === undefined ? 'ignition' : 'answers',
        // A refused client may be another machine: it does not change the step of the node.
        key: `${file ?? 'ignition'} ${role} ${outcome === 'refused' ? 'refused' : ''}`,
        what: file ?? role,
        outcome: outcome === 'sent' ? 'done' : outcome,
        isAnother: () => true,
        octets,
        ...reasonOf(seen),
      }
    }
    case 'callback': {
      const { stage } = seen
      const isAnother: StepUpdate['isAnother'] = ({ outcome }) => outcome === 'done'
      if (stage === 'disk-clear' || stage === 'disk-kept') {
        const outcome = stage === 'disk-clear' ? 'done' : 'refused'
        return { kind: 'disk-check', key: 'disk-check', what: '', outcome, isAnother, ...reasonOf(seen) }
      }
      const kind = stage === 'written' ? 'disk' : stage
      return { kind, key: kind, what: '', outcome: 'done', isAnother }
    }
    case 'cluster':
    case 'command':
    case 'state':
      return undefined
  }
}

function dhcpOutcome({ asker, message, answer, server }: Observation & { kind: 'dhcp' }): StepOutcome {
  if (server !== undefined) return 'offered'
  if (answer === 'refused') return 'refused'
  // A Linux system does not request a boot file.
  if (answer === 'nothing-to-boot' && asker !== 'system') return 'nothing-to-boot'
  return message === 'discover' ? 'offered' : 'done'
}

const senders: Readonly<Record<Asker, string>> = {
  firmware: 'firmware',
  'http-firmware': 'firmware',
  ipxe: 'iPXE',
  system: 'the system',
}

/** Explains which options of a DHCP message cannot be used: `firmware sent option 57 with 1 octet; ignored`. */
function ignoredOptions({ asker, ignored = [] }: Observation & { kind: 'dhcp' }): { reason?: string } {
  const sentences = [senders[asker], 'a relay agent'].flatMap((sender, isRelay) => {
    const texts = ignored.filter(({ code }) => Number(code === relayAgentInformation) === isRelay)
    return texts.length === 0 ? [] : [`${sender} sent ${texts.map(({ text }) => text).join(', ')}; ignored`]
  })
  return sentences.length === 0 ? {} : { reason: sentences.join(', ') }
}

function reasonOf({ reason }: { readonly reason?: string }): { reason?: string } {
  return reason === undefined ? {} : { reason }
}

/** Returns `x64 UEFI`, or the number of an unknown architecture. */
function architectureName(architecture: number | undefined): string {
  if (architecture === undefined) return ''
  const row = bootTable.find((candidate) => candidate.architecture === architecture)
  return row?.name ?? `architecture ${architecture}`
}
