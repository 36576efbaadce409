/** A check of the state directory in words. Pure. */
import type { StateSummary } from '../../install/state-backup.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { pluralize, formatDuration } from '../../text/format.ts'
import { printable } from '../../text/printable.ts'
import { wrap } from '../../text/lines.ts'
import { paint, type OutputStyle } from './output.ts'

/** Returns the contents of a database, and what is wrong with it. */
export function summaryLines(summary: StateSummary, now: number, output: OutputStyle): string[] {
  const { path, site, machines, unreadable, observations, lastAt, incomplete } = summary
  const ofSite = site === undefined ? '' : ` of site ${site}`
  const last = lastAt === 0 ? '' : `, the last one ${formatDuration(Math.max(0, now - lastAt))} ago`
  return [
    `${path}: ${pluralize(machines, 'machine')}${ofSite}, ${pluralize(observations, 'observation')}${last}`,
    ...unreadable.flatMap((machine) => notice(`the record of ${machine} cannot be read`, output)),
    ...(incomplete === undefined ? [] : notice(incomplete, output)),
  ]
}

/** Returns the problems of the state of the running slipway. */
export function problemLines(problems: readonly ActiveProblem[], output: OutputStyle): string[] {
  if (problems.length === 0) return ['the state of the running slipway has no problems']
  return [
    ...problems.flatMap(({ text }) => notice(text, output)),
    '',
    ...wrap(
      'Machines whose records are incomplete boot from their disks. To install one, run "slipway node install NAME". ' +
        'To let slipway install new machines automatically again, run "slipway state accept".',
      output.columns,
    ),
  ]
}

function notice(text: string, output: OutputStyle): string[] {
  return wrap(printable(text), Math.max(20, output.columns - 2)).map((line, index) => {
    return `${index === 0 ? paint(output, 'yellow', '!') : ' '} ${line}`
  })
}
