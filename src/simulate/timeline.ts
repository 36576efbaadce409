/**
 * The timeline of a simulated boot: one event for each step, with its result, size, and duration; and its text, a few lines for
 * each node that fit the terminal.
 */
import type { Clock } from '../host/clock.ts'
import type { NodeModel } from '../plan/model.ts'
import type { Mac } from '../proto/address/mac.ts'
import type { Firmware } from './dhcp-profiles.ts'
import { styleText } from 'node:util'
import { formatBytes, formatDuration } from '../text/format.ts'
import { clip, wrap } from '../text/lines.ts'

export type BootEvent = {
  /** `DHCP firmware`, `TFTP loader`, …: protocol first. */
  readonly step: string
  /** Start of the step, since power-on. */
  readonly atMs: number
  readonly durationMs: number
  /** Received octets: payload of DHCP and DNS messages, and content of files. */
  readonly octets: number
  /** The result, or the problem that ended the boot. */
  readonly text: string
}

export type SimulatedBoot = TimedBoot & { readonly node: NodeModel }

/** The boot of any machine. */
export type TimedBoot = {
  readonly firmware: Firmware
  readonly isBooted: boolean
  readonly events: readonly BootEvent[]
  /** The end of the boot: `installs to /dev/sda`; empty if it failed before. */
  readonly ending: string
  readonly durationMs: number
  readonly octets: number
}

export type Simulation = {
  /** Ordered as the nodes were given. */
  readonly boots: readonly SimulatedBoot[]
  readonly durationMs: number
}

/** Returns the events with times in whole milliseconds. */
export function roundedEvents(events: readonly BootEvent[]): BootEvent[] {
  return events.map((event) => ({
    ...event,
    atMs: Math.round(event.atMs),
    durationMs: Math.round(event.durationMs),
  }))
}

/** The result of a step: a value for the next step, and the event. */
type StepResult<T> = { readonly value: T; readonly octets: number; readonly text: string }

export class Timeline {
  readonly #clock: Clock
  readonly #startMs: number
  readonly #events: BootEvent[] = []
  #step = ''
  #stepMs = 0
  #isFailed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonic()
  }

  async step<T>(step: string, run: () => Promise<StepResult<T>>): Promise<T> {
    this.#step = step
    this.#stepMs = this.#clock.monotonic()
    const { value, octets, text } = await run()
    this.#add(text, octets)
    return value
  }

  /** Records that the current step failed. */
  fail(text: string): void {
    this.#isFailed = true
    this.#add(text, 0)
  }

  finish(node: NodeModel, firmware: Firmware, ending: string): SimulatedBoot {
    return { node, ...this.end(firmware, ending) }
  }

  end(firmware: Firmware, ending: string): TimedBoot {
    return {
      firmware,
      isBooted: !this.#isFailed,
      events: this.#events,
      ending,
      durationMs: this.#clock.monotonic() - this.#startMs,
      octets: this.#events.reduce((sum, { octets }) => sum + octets, 0),
    }
  }

  #add(text: string, octets: number): void {
    const atMs = this.#stepMs - this.#startMs
    const durationMs = this.#clock.monotonic() - this.#stepMs
    this.#events.push({ step: this.#step, atMs, durationMs, octets, text })
  }
}

// Why a simulated boot failed: what the machine expected, what it got, and what the administrator should check.

/** Ends the boot of one node; the other nodes continue. */
export class BootProblem extends Error {
  override readonly name = 'BootProblem'

  /** Each part is a phrase without a full stop; together they make the message. */
  constructor(expected: string, got: string, check: string) {
    super(`expected ${expected}; got ${got}; check ${check}`)
  }
}

export type OutputStyle = { readonly columns: number; readonly usesColor: boolean }

const firmwareNames: Readonly<Record<Firmware, string>> = {
  bios: 'BIOS',
  uefi: 'UEFI',
  'uefi-http': 'UEFI over HTTP',
  arm64: 'UEFI arm64',
  'arm64-http': 'UEFI arm64 over HTTP',
  ppc64le: 'Open Firmware',
}

// "    12 ms  DHCP firmware   …                    658 B    12 ms"
const timeColumns = 9
const stepColumns = 15
const octetColumns = 10

/** If lines were wider, sizes and durations would be too far from their step. */
const maxColumns = 100
const minTextColumns = 24

export function formatBoot({ node, ...boot }: SimulatedBoot, output: OutputStyle): string[] {
  return formatTimeline(boot, node.key, `${node.role}, ${firmwareNames[boot.firmware]}, ${node.mac}`, output)
}

/** Formats the boot of an undeclared machine. */
export function formatUndeclared(
  { mac, ...boot }: TimedBoot & { readonly mac: Mac },
  output: OutputStyle,
): string[] {
  return formatTimeline(boot, mac, `undeclared, ${firmwareNames[boot.firmware]}`, output)
}

function formatTimeline(boot: TimedBoot, name: string, facts: string, output: OutputStyle): string[] {
  const { isBooted, events, ending, durationMs, octets } = boot
  const style = styler(output)
  const head = `${style('bold', name)}  ${facts}`
  const done = isBooted ? events : events.slice(0, -1)
  const lines = [head, ...done.map((event) => formatEvent(event, output))]
  const last = events.at(-1)
  if (isBooted) {
    const total = { step: '', atMs: durationMs, durationMs, octets, text: ending }
    return [...lines, formatRow(total, output, style('green', '✓'))]
  }
  if (last === undefined) return lines
  const failed = { ...last, octets: 0, text: '' }
  const indent = ' '.repeat(timeColumns + 4)
  const reason = wrap(last.text, widthOf(output) - indent.length).map((line) => indent + line)
  return [...lines, formatRow(failed, output, style('red', '✗')), ...reason]
}

/** Returns one line: how many nodes booted, and which did not. */
export function formatSummary({ boots, durationMs }: Simulation, output: OutputStyle): string {
  const style = styler(output)
  const failed = boots.filter(({ isBooted }) => !isBooted)
  const octets = boots.reduce((sum, boot) => sum + boot.octets, 0)
  const counts = `${boots.length - failed.length} of ${boots.length} nodes booted`
  const amount = `${formatBytes(octets)} in ${formatDuration(durationMs)}`
  if (failed.length === 0) return `${style('green', counts)}: ${amount}`
  const where = failed.map(({ node, events }) => `${node.key} (${events.at(-1)?.step ?? 'power-on'})`)
  return `${style('red', counts)}: ${amount}; not booted: ${where.join(', ')}`
}

function formatEvent(event: BootEvent, output: OutputStyle): string {
  return formatRow(event, output, ' ')
}

function formatRow(
  { step, atMs, durationMs, octets, text }: BootEvent,
  output: OutputStyle,
  mark: string,
): string {
  const style = styler(output)
  const fixed = timeColumns + 3 + stepColumns + octetColumns + timeColumns
  const textColumns = Math.max(minTextColumns, widthOf(output) - fixed)
  const time = style('dim', formatDuration(atMs).padStart(timeColumns))
  const amounts = octets === 0 ? ''.padStart(octetColumns) : formatBytes(octets).padStart(octetColumns)
  // The last row has no step, so its text can use that column too.
  const columnText =
    step === ''
      ? clip(text, stepColumns + textColumns).padEnd(stepColumns + textColumns)
      : step.padEnd(stepColumns) + clip(text, textColumns).padEnd(textColumns)
  return `${time} ${mark} ${columnText}${amounts}${style('dim', formatDuration(durationMs).padStart(timeColumns))}`
}

function widthOf({ columns }: OutputStyle): number {
  return Math.min(columns, maxColumns)
}

function styler({
  usesColor: usesColor,
}: OutputStyle): (style: 'bold' | 'dim' | 'green' | 'red', text: string) => string {
  // The caller decides once whether the terminal uses colors.
  return (style, text) => (usesColor ? styleText(style, text, { validateStream: false }) : text)
}
