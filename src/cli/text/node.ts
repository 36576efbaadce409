/** The details of one node: its state, then each boot step by step. Pure. */
import { stepKinds } from '../../install/step-kinds.ts'
import type { Step } from '../../install/step.ts'
import { stateText, stepDetail } from '../../install/step-text.ts'
import type { NodeDetails } from '../../install/reports.ts'
import { macsText } from '../../plan/model.ts'
import { formatDuration, formatBytes } from '../../text/format.ts'
import { wrap, printable } from '../../text/lines.ts'
import { dateTime, paint, proseColumns, symptomLines, timeOfDay, type OutputStyle } from './output.ts'

// "10:00:05 ✗ firmware DHCP   …   ×3  830.6 KiB    700 ms  12.3 MiB/s"
const timeColumns = 8
const titleColumns = 15
const countColumns = 5
const byteColumns = 11
const durationColumns = 9
const rateColumns = 13
const minDetailColumns = 24

/** Wider than this, figures are too far from their step. */
const maxColumns = 110

export function nodeLines(details: NodeDetails, now: number, output: OutputStyle): string[] {
  const { node, role, address, fqdn, reason, lastSeen, symptom, attempt } = details
  const seen =
    lastSeen === undefined ? 'never seen' : `seen ${formatDuration(Math.max(0, now - lastSeen))} ago`
  const attempts = attempt === undefined || attempt.earlier === 0 ? '' : `, attempt ${attempt.earlier + 1}`
  return [
    `${paint(output, 'bold', node)}  ${role}, ${address}, ${macsText(details)}, ${fqdn}`,
    ...wrap(printable(`${stateText(details, now)}${attempts}: ${reason}; ${seen}`), proseColumns(output)),
    ...(symptom === undefined ? [] : symptomLines(symptom, output, 0)),
    ...bootsAndCommands(details).flatMap((part) => ['', ...partLines(part, now, output)]),
  ]
}

type Part = { readonly at: number; readonly title: string; readonly steps: readonly Step[] }

function bootsAndCommands({ boots, commands, words }: NodeDetails): Part[] {
  const [first] = words
  const parts = [
    ...(first === undefined ? [] : [{ at: first.startedAt, title: 'in the cluster', steps: words }]),
    ...boots.map(({ kind, startedAt, steps }) => ({ at: startedAt, title: `boots from the ${kind}`, steps })),
    ...commands.map(({ at, command }) => ({ at, title: `command: ${command}`, steps: [] })),
  ]
  return parts.sort((a, b) => a.at - b.at)
}

function partLines({ at, title, steps }: Part, now: number, output: OutputStyle): string[] {
  const head = `${dateTime(at)}  ${paint(output, 'bold', title)}`
  return [head, ...steps.flatMap((step) => stepLines(step, now, output))]
}

/** A detail that does not fit its column continues on the next lines. */
function stepLines(step: Step, now: number, output: OutputStyle): string[] {
  const width = Math.min(output.columns, maxColumns)
  const figures = countColumns + byteColumns + durationColumns
  const fixed = timeColumns + 3 + titleColumns + figures
  const hasRates = width - fixed - rateColumns >= minDetailColumns
  const detailWidth = Math.max(8, width - fixed - (hasRates ? rateColumns : 0))
  const { octets, octetsPerSecond, count } = step
  const rate = octetsPerSecond === undefined ? '' : `${formatBytes(octetsPerSecond)}/s`
  const figureCells = [
    (count === 1 ? '' : `×${count}`).padStart(countColumns),
    (octets === undefined ? '' : formatBytes(octets)).padStart(byteColumns),
    durationText(step, now).padStart(durationColumns),
    hasRates ? rate.padStart(rateColumns) : '',
  ].join('')
  // The detail can use the columns of figures that the step does not have.
  const shownFigures = figureCells.trimStart()
  const fullWidth = detailWidth + figureCells.length - shownFigures.length
  const detailColumns = shownFigures === '' ? fullWidth : Math.max(detailWidth, fullWidth - 2)
  const [detail = '', ...more] = wrap(printable(stepDetail(step)), detailColumns)
  const line = [
    paint(output, 'dim', timeOfDay(step.startedAt)),
    ` ${mark(step, output)} `,
    stepKinds[step.kind].title.padEnd(titleColumns),
    detail.padEnd(fullWidth),
    shownFigures,
  ]
  const indent = ' '.repeat(timeColumns + 3 + titleColumns)
  return [line.join('').trimEnd(), ...more.map((text) => indent + text)]
}

function mark({ kind, outcome }: Step, output: OutputStyle): string {
  const { mark: given } = stepKinds[kind]
  if (given === 'failed') return paint(output, 'red', '✗')
  if (given === 'pending') return paint(output, 'yellow', '…')
  switch (outcome) {
    case 'done':
      return ' '
    case 'under-way':
      return paint(output, 'yellow', '…')
    case 'offered':
    case 'probed':
    case 'unconfirmed':
      return paint(output, 'yellow', '?')
    case 'aborted':
    case 'missing':
    case 'refused':
    case 'nothing-to-boot':
      return paint(output, 'red', '✗')
  }
}

/** Empty for a step without a duration. A step in progress lasts until now; a download reports its own duration. */
function durationText({ outcome, total, startedAt, durationMs }: Step, now: number): string {
  if (outcome === 'under-way' && total === undefined) return formatDuration(Math.max(0, now - startedAt))
  return durationMs === 0 ? '' : formatDuration(durationMs)
}
