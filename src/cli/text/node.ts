/** The story of one node as text: where it stands, then each boot step by step. Pure. */
import { stepKinds } from '../../install/step-kinds.ts'
import type { Step } from '../../install/step.ts'
import type { NodeDetails } from '../../install/reports.ts'
import { formatDuration } from '../../text/duration.ts'
import { wrap } from '../../text/wrap.ts'
import { formatBytes } from '../../text/bytes.ts'
import { calendarDay, clockTime, paint, symptomLines, type OutputStyle } from './output.ts'
import { stateText } from './status.ts'
import { stepDetail } from './step.ts'
import { clip } from '../../text/clip.ts'
import { printable } from '../../text/printable.ts'

// "10:00:05 ✗ firmware DHCP   …   ×3  830.6 KiB    700 ms  12.3 MiB/s"
const timeColumns = 8
const titleColumns = 15
const countColumns = 5
const octetColumns = 11
const durationColumns = 9
const rateColumns = 13
const leastDetailColumns = 24

/** Wider than this, figures stand too far from what they belong to. */
const mostColumns = 110

export function nodeLines(story: NodeDetails, now: number, paper: OutputStyle): string[] {
  const { node, role, address, mac, fqdn, reason, lastSeen, symptom, attempt } = story
  const seen =
    lastSeen === undefined ? 'never seen' : `seen ${formatDuration(Math.max(0, now - lastSeen))} ago`
  const attempts = attempt === undefined || attempt.earlier === 0 ? '' : `, attempt ${attempt.earlier + 1}`
  return [
    `${paint(paper, 'bold', node)}  ${role}, ${address}, ${mac}, ${fqdn}`,
    ...wrap(printable(`${stateText(story, now)}${attempts}: ${reason}; ${seen}`), paper.columns),
    ...(symptom === undefined ? [] : symptomLines(symptom, paper, 0)),
    ...bootsAndCommands(story).flatMap((part) => ['', ...partLines(part, now, paper)]),
  ]
}

type Part = { readonly at: number; readonly title: string; readonly steps: readonly Step[] }

function bootsAndCommands({ boots, commands, words }: NodeDetails): Part[] {
  const [word] = words
  const parts = [
    ...(word === undefined ? [] : [{ at: word.startedAt, title: 'in its cluster', steps: words }]),
    ...boots.map(({ kind, startedAt, steps }) => ({ at: startedAt, title: `boots from the ${kind}`, steps })),
    ...commands.map(({ at, command }) => ({ at, title: `command: ${command}`, steps: [] })),
  ]
  return parts.sort((a, b) => a.at - b.at)
}

function partLines({ at, title, steps }: Part, now: number, paper: OutputStyle): string[] {
  const head = `${calendarDay(at)} ${clockTime(at)}  ${paint(paper, 'bold', title)}`
  return [head, ...steps.map((step) => stepLine(step, now, paper))]
}

function stepLine(step: Step, now: number, paper: OutputStyle): string {
  const width = Math.min(paper.columns, mostColumns)
  const figures = countColumns + octetColumns + durationColumns
  const fixed = timeColumns + 3 + titleColumns + figures
  const hasRates = width - fixed - rateColumns >= leastDetailColumns
  const room = Math.max(8, width - fixed - (hasRates ? rateColumns : 0))
  const { octets, octetsPerSecond, count } = step
  const rate = octetsPerSecond === undefined ? '' : `${formatBytes(octetsPerSecond)}/s`
  const figureCells = [
    (count === 1 ? '' : `×${count}`).padStart(countColumns),
    (octets === undefined ? '' : formatBytes(octets)).padStart(octetColumns),
    durationText(step, now).padStart(durationColumns),
    hasRates ? rate.padStart(rateColumns) : '',
  ].join('')
  // Where there are no figures, a reason may take their place.
  const detailColumns = figureCells.trim() === '' ? room + figureCells.length : room
  const line = [
    paint(paper, 'dim', clockTime(step.startedAt)),
    ` ${mark(step, paper)} `,
    stepKinds[step.kind].title.padEnd(titleColumns),
    clip(printable(stepDetail(step)), detailColumns).padEnd(room),
    figureCells,
  ]
  return line.join('').trimEnd()
}

function mark({ kind, outcome }: Step, paper: OutputStyle): string {
  const { mark: given } = stepKinds[kind]
  if (given === 'failed') return paint(paper, 'red', '✗')
  if (given === 'pending') return paint(paper, 'yellow', '…')
  switch (outcome) {
    case 'done':
      return ' '
    case 'under-way':
      return paint(paper, 'yellow', '…')
    case 'offered':
    case 'probed':
    case 'unconfirmed':
      return paint(paper, 'yellow', '?')
    case 'aborted':
    case 'missing':
    case 'refused':
    case 'nothing-to-boot':
      return paint(paper, 'red', '✗')
  }
}

/** Nothing for what takes no time; what is under way takes until now, a download as long as it said. */
function durationText({ outcome, total, startedAt, durationMs }: Step, now: number): string {
  if (outcome === 'under-way' && total === undefined) return formatDuration(Math.max(0, now - startedAt))
  return durationMs === 0 ? '' : formatDuration(durationMs)
}
