/** Text that several commands print, for a terminal of a given width, with or without color. Pure. */
import { styleText } from 'node:util'
import type { Symptom } from '../../install/reports.ts'
import { wrap, printable } from '../../text/lines.ts'
import { formatMinute, validUntil } from '../../plan/ignition/findings.ts'
import type { IgnitionContents } from '../../plan/ignition/document.ts'

export type OutputStyle = { readonly columns: number; readonly usesColor: boolean }

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

export function paint({ usesColor }: Pick<OutputStyle, 'usesColor'>, style: Style, text: string): string {
  // The caller decided about color, once for the whole terminal.
  return usesColor ? styleText(style, text, { validateStream: false }) : text
}

/** `! observation: likely reason; advice`, wrapped. */
export function symptomLines(
  { saw, likely, advice }: Pick<Symptom, 'saw' | 'likely' | 'advice'>,
  output: OutputStyle,
  indent: number,
): string[] {
  const blank = ' '.repeat(indent)
  const lines = wrap(
    printable(`${saw}: ${likely}; ${advice}`),
    Math.max(20, proseColumns(output) - indent - 2),
  )
  return lines.map((line, index) => `${blank}${index === 0 ? paint(output, 'red', '!') : ' '} ${line}`)
}

/** Longer lines of prose are hard to read, however wide the terminal is. */
const maxProseColumns = 100

export function proseColumns({ columns }: Pick<OutputStyle, 'columns'>): number {
  return Math.min(columns, maxProseColumns)
}

/** `10:00:05`, in UTC: the heading of the list says so. */
export function timeOfDay(at: number): string {
  return new Date(at).toISOString().slice(11, 19)
}

/** `10:00:05 UTC`. All times are in UTC, like those in the log and in the messages of the running slipway. */
export function clockTime(at: number): string {
  return `${timeOfDay(at)} UTC`
}

/** `2026-11-21 10:00:05 UTC` */
export function dateTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 10)} ${clockTime(at)}`
}

/** Describes an Ignition file that is not on this machine. */
export const askedText = 'requested from the cluster when a node installs'

/** `version 3.2.0, made at 2026-11-21 06:00 UTC, valid until 2026-11-22 06:00 UTC` */
export function ignitionText(contents: IgnitionContents): string {
  const { version, madeAt, firstToExpire } = contents
  const end = validUntil(contents)
  const age =
    madeAt !== undefined && end !== undefined
      ? [`made at ${formatMinute(madeAt)}`, `valid until ${formatMinute(end)}`]
      : firstToExpire === undefined
        ? ['no certificates']
        : [`first certificate expires at ${formatMinute(firstToExpire.notAfter)}`]
  return [`version ${version}`, ...age].join(', ')
}
