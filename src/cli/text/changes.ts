/** Text of the changes between two sites, in the form that other planning tools use: `+` added, `~` changed, `-` removed. */
import type { Action, Change, Changes, Detail, Effect } from '../../plan/changes/change.ts'
import { kindNames } from '../../plan/changes/summary.ts'
import { pluralize } from '../../text/format.ts'
import { clip, printable, wrap } from '../../text/lines.ts'
import { paint, type OutputStyle, type Style } from './output.ts'

const signs: Readonly<Record<Action, readonly [sign: string, style: Style]>> = {
  add: ['+', 'green'],
  change: ['~', 'yellow'],
  remove: ['-', 'red'],
}

/** A change of a whole network has thousands of lines; the JSON has all of them. */
const maxItems = 200
const maxDetails = 20
const maxValue = 160

/** What removed things are identified by; their other properties are left out. */
const identity: ReadonlySet<string> = new Set(['role', 'MAC', 'address'])

/** Returns one block for each change, and why slipway must be restarted. */
export function changeLines({ items, restart }: Changes, output: OutputStyle): string[] {
  const left = items.length - maxItems
  return [
    ...items.slice(0, maxItems).flatMap((item) => itemLines(item, output)),
    ...(left > 0 ? [`  and ${pluralize(left, 'more change')}: --json shows all`] : []),
    ...restart.flatMap((effect) => effectLines(effect, 2, output)),
  ]
}

function itemLines({ action, kind, name, details, effects }: Change, output: OutputStyle): string[] {
  const [sign, style] = signs[action]
  const subject = kind === name ? kindNames[kind] : `${kindNames[kind]} ${printable(name)}`
  const shown = action === 'remove' ? details.filter(({ label }) => identity.has(label)) : details
  const width = Math.max(0, ...shown.map(({ label }) => label.length))
  const left = shown.length - maxDetails
  return [
    `  ${paint(output, style, sign)} ${paint(output, 'bold', subject)}`,
    ...shown.slice(0, maxDetails).map((detail) => detailLine(detail, Math.min(width, 40), output)),
    ...(left > 0 ? [`      and ${left} more`] : []),
    ...effects.flatMap((effect) => effectLines(effect, 6, output)),
  ]
}

function detailLine({ label, before, after, isHidden }: Detail, width: number, output: OutputStyle): string {
  const action =
    before === undefined && after !== undefined ? 'add' : after === undefined ? 'remove' : 'change'
  const [sign, style] = signs[isHidden === true ? 'change' : action]
  const value =
    isHidden === true
      ? '(not shown)'
      : [before, after]
          .filter((each) => each !== undefined)
          .map(text)
          .join(' -> ')
  return `      ${paint(output, style, sign)} ${printable(label).padEnd(width)}  ${value}`
}

function text(value: string): string {
  return clip(printable(value), maxValue)
}

function effectLines({ text }: Effect, indent: number, output: OutputStyle): string[] {
  const blank = ' '.repeat(indent)
  const lines = wrap(printable(text), Math.max(20, output.columns - indent - 2))
  return lines.map((line, index) => `${blank}${index === 0 ? paint(output, 'yellow', '!') : ' '} ${line}`)
}
