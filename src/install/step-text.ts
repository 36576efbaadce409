/** What a node and its steps do, in short sentences, for the commands and the page. Pure. */
import { formatBytes, formatCount, formatDuration } from '../text/format.ts'
import { nodeStates } from './node-states.ts'
import type { NodeRecord } from './installs.ts'
import { stepKinds } from './step-kinds.ts'
import type { StepText } from './step-row.ts'
import type { Step, StepOutcome } from './step.ts'

/** `installing 3 min`, or `armed, 12 min left` for a node that an administrator armed. */
export function stateText({ mode, since, armedUntil }: NodeRecord, now: number): string {
  if (mode === 'install' && armedUntil !== undefined)
    return `armed, ${formatDuration(Math.max(0, armedUntil - now))} left`
  return since === 0
    ? nodeStates[mode].title
    : `${nodeStates[mode].title} ${formatDuration(Math.max(0, now - since))}`
}

/** Empty for the expected outcome. */
const outcomeTexts: Readonly<Record<StepOutcome, string>> = {
  done: '',
  'under-way': '',
  offered: 'offer not accepted',
  probed: 'only its size requested',
  aborted: 'interrupted',
  missing: 'not available on this server',
  refused: 'refused',
  'nothing-to-boot': 'no boot loader available',
  unconfirmed: 'no result reported',
}

/** Describes the subject and the outcome of a step: `efi/ipxe.efi by TFTP`. */
export function stepDetail(step: Step): string {
  const { kind, what, by, reason, outcome } = step
  const { subject: describe, detail } = stepKinds[kind]
  if (detail !== undefined) return detail({ reason })
  const subject = [describe?.({ what }) ?? what, by === undefined ? '' : `by ${by.toUpperCase()}`]
    .filter(Boolean)
    .join(' ')
  const isDownload = step.total !== undefined && outcome !== 'done'
  return [subject, outcomeTexts[outcome], isDownload ? `at ${percent(step)}` : '', reason]
    .filter(Boolean)
    .join(', ')
}

/** Describes what the node does: its latest step, and how long or how fast. */
export function nowText(step: Step | undefined, now: number): string {
  if (step === undefined) return 'never seen'
  const { kind, what, outcome, startedAt, endedAt, count, reason } = step
  const { title, now: describe } = stepKinds[kind]
  const ago = `${formatDuration(Math.max(0, now - endedAt))} ago`
  const text: StepText = {
    what,
    reason,
    ago,
    isActive: outcome === 'under-way',
    wasInterrupted: outcome === 'aborted',
    elapsed: formatDuration(Math.max(0, now - startedAt)),
    progress: percent(step),
    rate: rateText(step, now),
  }
  const special = describe?.(text)
  if (special !== undefined) return special
  const repeated = count === 1 ? '' : ` ${formatCount(count)}`
  const subject = kind === 'loader' ? ` ${what}` : ''
  const suffix = outcomeTexts[outcome] === '' ? '' : `, ${outcomeTexts[outcome]}`
  return `${title}${subject}${repeated}${suffix}, ${ago}`
}

/** Downloads report their progress once a second. */
const stalledMs = 10_000

function rateText({ octetsPerSecond, endedAt, progressAt = endedAt }: Step, now: number): string {
  if (now - progressAt >= stalledMs) return `, stalled for ${formatDuration(now - progressAt)}`
  return octetsPerSecond === undefined ? '' : `, ${formatBytes(octetsPerSecond)}/s`
}

function percent({ octets = 0, total = 0 }: Step): string {
  return total === 0 ? formatBytes(octets) : `${Math.floor((100 * octets) / total)} %`
}
