/**
 * The shape of a command, so that help, errors, and exit codes are alike everywhere; and the pages that `--help` prints within 80
 * columns.
 */
import { wrap } from '../text/lines.ts'

/** Where a command writes: the standard streams of the process in main.ts, collected text in tests. */
export type Terminal = {
  /** Writes a line to standard output. */
  out(line: string): void
  /** Writes a line to standard error. */
  err(line: string): void
  /** Whether standard output is a terminal that accepts colors (NO_COLOR respected). */
  readonly usesColor: boolean
  /** Replaces the last line, which is not part of the output; '' clears it. Absent unless both streams are terminals. */
  readonly status?: (line: string) => void
  readonly columns: number
  /** Height of the terminal; absent where output goes to a file or a pipe and cannot be replaced. */
  readonly rows?: number
}

export type Command = {
  readonly name: string
  /** What `--help` prints. */
  readonly help: Help
  /** Help of subcommands with a separate page, by name. */
  readonly helps?: Readonly<Record<string, Help>>
  /** Exit code of an invalid command line, where {@link ExitCode.usage} has another meaning. */
  readonly usageExit?: number
  /** @returns an exit code, one of {@link ExitCode} unless the help lists more */
  run(args: readonly string[], terminal: Terminal): Promise<number>
}

/** A command in the registry; it is loaded when it runs. */
export type CommandEntry = {
  readonly name: string
  /** Starts with a verb in the imperative; at most 60 characters. */
  readonly summary: string
  readonly load: () => Promise<Command>
}

export const ExitCode = {
  fine: 0,
  /** The input has problems, or the operation did not succeed. */
  problems: 1,
  /** The command line is invalid. */
  usage: 2,
} as const

/** An invalid command line; main.ts prints the message and exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export type HelpRow = readonly [term: string, text: string]

export type Help = {
  /** Command lines without `slipway`. `[--control PATH]` marks those that query the running slipway. */
  readonly usage: readonly string[]
  /** Paragraphs; the first one is a sentence that describes the command. */
  readonly about: readonly string[]
  /** Lists of arguments, by their title. */
  readonly lists?: Readonly<Record<string, readonly HelpRow[]>>
  readonly options?: readonly HelpRow[]
  readonly exit: readonly HelpRow[]
  /** Whether the output is a text that can be longer than a screen, and is complete when the command ends. */
  readonly isPaged?: true
  /** Whether the output is only lines about what the command did: with `--json`, they are in one document. */
  readonly hasResult?: true
  /** Command lines without `slipway`; a backslash continues a long one on the next line. */
  readonly examples: readonly string[]
}

const columns = 80
const maxTermColumns = 24

/** An option of every command; only long texts are shown in a pager. */
const noPagerRow: HelpRow = [
  '--no-pager',
  'do not show long output in a pager ($SLIPWAY_PAGER, else $PAGER, else less)',
]

export function helpLines({
  usage,
  about,
  lists = {},
  options = [],
  exit,
  examples,
  isPaged,
}: Help): string[] {
  return [
    ...usage.flatMap((line, index) => usageLines(line, index === 0 ? 'Usage: ' : '       ')),
    ...about.flatMap((paragraph) => ['', ...wrap(paragraph, columns)]),
    ...Object.entries(lists).flatMap(([title, rows]) => section(title, rows)),
    ...section('Options', [...options, ...(isPaged ? [noPagerRow] : []), ['--help', 'print this help']]),
    ...section('Exit status', exit),
    '',
    'Examples:',
    ...examples.map(exampleLine).flatMap((example) => example.split('\n').map((line) => `  ${line}`)),
  ]
}

/** Returns an example as a user types it. */
export function exampleLine(example: string): string {
  return example.includes('| slipway') ? example : `slipway ${example}`
}

/** Breaks a long usage line at blanks outside brackets and continues it below its first argument. */
function usageLines(line: string, lead: string): string[] {
  const full = `slipway ${line}`
  const indent = `${lead}slipway ${line.split(' ')[0] ?? ''} `.length
  const words = full.match(/(?:\[(?:[^[\]]|\[[^\]]*\])*\]|[^\s[])+/g) ?? []
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
  return ['', `${title}:`, ...rowLines(rows)]
}

/** Returns terms and their texts in two columns. */
export function rowLines(rows: readonly HelpRow[]): string[] {
  const width = Math.min(maxTermColumns, Math.max(...rows.map(([term]) => term.length)))
  return rows.flatMap(([term, text]) => {
    const lines = wrap(text, columns - width - 4)
    const indent = ' '.repeat(width + 4)
    if (term.length > width) return [`  ${term}`, ...lines.map((line) => indent + line)]
    return lines.map((line, index) => (index === 0 ? `  ${term.padEnd(width)}  ${line}` : indent + line))
  })
}
