/** The pages that `--help` prints: usage, one sentence, options, exit status, and examples within 80 columns. Pure. */
import { wrap } from '../../text/lines.ts'

export type HelpRow = readonly [term: string, text: string]

export type Help = {
  /** Command lines without `slipway`. `[--control PATH]` marks those that query the running slipway. */
  readonly usage: readonly string[]
  /** Paragraphs; the first one says in a sentence what the command does. */
  readonly about: readonly string[]
  /** Lists of arguments, by their title. */
  readonly lists?: Readonly<Record<string, readonly HelpRow[]>>
  readonly options?: readonly HelpRow[]
  readonly exit: readonly HelpRow[]
  /** Command lines without `slipway`; a backslash continues a long one on the next line. */
  readonly examples: readonly string[]
}

const columns = 80
const maxTermColumns = 24

export function helpLines({ usage, about, lists = {}, options = [], exit, examples }: Help): string[] {
  return [
    ...usage.flatMap((line, index) => usageLines(line, index === 0 ? 'Usage: ' : '       ')),
    ...about.flatMap((paragraph) => ['', ...wrap(paragraph, columns)]),
    ...Object.entries(lists).flatMap(([title, rows]) => section(title, rows)),
    ...section('Options', [...options, ['--help', 'print this help']]),
    ...section('Exit status', exit),
    '',
    'Examples:',
    ...examples
      .map((example) => (example.includes('| slipway') ? example : `slipway ${example}`))
      .flatMap((example) => example.split('\n').map((line) => `  ${line}`)),
  ]
}

/** Breaks a long usage line at blanks outside brackets and continues it below its first argument. */
function usageLines(line: string, lead: string): string[] {
  const full = `slipway ${line}`
  const indent = `${lead}slipway ${line.split(' ')[0] ?? ''} `.length
  const words = full.match(/\[[^\]]*\]…?|\S+/g) ?? []
  const lines: string[] = []
  let current = lead.trimEnd() === '' ? lead.slice(0, -1) : lead.trimEnd()
  for (const word of words) {
    if (current.length + 1 + word.length > columns) {
      lines.push(current)
      current = ' '.repeat(indent - 1)
    }
    current += ` ${word}`
  }
  return [...lines, current]
}

function section(title: string, rows: readonly HelpRow[]): string[] {
  const width = Math.min(maxTermColumns, Math.max(...rows.map(([term]) => term.length)))
  return [
    '',
    `${title}:`,
    ...rows.flatMap(([term, text]) => {
      const lines = wrap(text, columns - width - 4)
      const indent = ' '.repeat(width + 4)
      if (term.length > width) return [`  ${term}`, ...lines.map((line) => indent + line)]
      return lines.map((line, index) => (index === 0 ? `  ${term.padEnd(width)}  ${line}` : indent + line))
    }),
  ]
}
