/** Timelines for people: a few lines per node that fit a terminal, coloured where it may be. */
import { styleText } from 'node:util'
import { formatBytes } from '../text/bytes.ts'
import { clip } from '../text/clip.ts'
import { formatDuration } from '../text/duration.ts'
import { wrap } from '../text/wrap.ts'
import type { Firmware } from './dhcp-profiles.ts'
import type { Simulation } from './simulate.ts'
import type { BootEvent, SimulatedBoot } from './timeline.ts'

export type Paper = { readonly columns: number; readonly usesColor: boolean }

const firmwareNames: Readonly<Record<Firmware, string>> = {
  bios: 'BIOS',
  uefi: 'UEFI',
  'uefi-http': 'UEFI over HTTP',
  arm64: 'UEFI arm64',
  'arm64-http': 'UEFI arm64 over HTTP',
}

// "    12 ms  DHCP firmware   …                    658 B    12 ms"
const timeColumns = 9
const stepColumns = 15
const octetColumns = 10

/** Wider than this, octets and durations stand too far from what they belong to. */
const mostColumns = 100
const leastTextColumns = 24

export function formatBoot(boot: SimulatedBoot, paper: Paper): string[] {
  const { node, firmware, isBooted, events, ending, durationMs, octets } = boot
  const style = styler(paper)
  const head = `${style('bold', node.key)}  ${node.role}, ${firmwareNames[firmware]}, ${node.mac}`
  const done = isBooted ? events : events.slice(0, -1)
  const lines = [head, ...done.map((event) => formatEvent(event, paper))]
  const last = events.at(-1)
  if (isBooted) {
    const total = { step: '', atMs: durationMs, durationMs, octets, text: ending }
    return [...lines, formatRow(total, paper, style('green', '✓'))]
  }
  if (last === undefined) return lines
  const failed = { ...last, octets: 0, text: '' }
  const indent = ' '.repeat(timeColumns + 4)
  const reason = wrap(last.text, widthOf(paper) - indent.length).map((line) => indent + line)
  return [...lines, formatRow(failed, paper, style('red', '✗')), ...reason]
}

/** One line: how many booted, and which did not. */
export function formatSummary({ boots, durationMs }: Simulation, paper: Paper): string {
  const style = styler(paper)
  const failed = boots.filter(({ isBooted }) => !isBooted)
  const octets = boots.reduce((sum, boot) => sum + boot.octets, 0)
  const counts = `${boots.length - failed.length} of ${boots.length} nodes booted`
  const amount = `${formatBytes(octets)} in ${formatDuration(durationMs)}`
  if (failed.length === 0) return `${style('green', counts)}: ${amount}`
  const where = failed.map(({ node, events }) => `${node.key} (${events.at(-1)?.step ?? 'power-on'})`)
  return `${style('red', counts)}: ${amount}; not booted: ${where.join(', ')}`
}

function formatEvent(event: BootEvent, paper: Paper): string {
  return formatRow(event, paper, ' ')
}

function formatRow({ step, atMs, durationMs, octets, text }: BootEvent, paper: Paper, mark: string): string {
  const style = styler(paper)
  const fixed = timeColumns + 3 + stepColumns + octetColumns + timeColumns
  const textColumns = Math.max(leastTextColumns, widthOf(paper) - fixed)
  const time = style('dim', formatDuration(atMs).padStart(timeColumns))
  const amounts = octets === 0 ? ''.padStart(octetColumns) : formatBytes(octets).padStart(octetColumns)
  // The last row has no step: what it says may use that place too.
  const said =
    step === ''
      ? clip(text, stepColumns + textColumns).padEnd(stepColumns + textColumns)
      : step.padEnd(stepColumns) + clip(text, textColumns).padEnd(textColumns)
  return `${time} ${mark} ${said}${amounts}${style('dim', formatDuration(durationMs).padStart(timeColumns))}`
}

function widthOf({ columns }: Paper): number {
  return Math.min(columns, mostColumns)
}

function styler({
  usesColor: usesColor,
}: Paper): (style: 'bold' | 'dim' | 'green' | 'red', text: string) => string {
  // Whether to colour was decided by the caller, once for the whole terminal.
  return (style, text) => (usesColor ? styleText(style, text, { validateStream: false }) : text)
}
