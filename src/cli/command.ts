/** The shape of a command, so that help, errors, and exit codes are alike everywhere. */
import type { Help } from './text/help.ts'

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
  /** Help of subcommands that have a page for themselves, by their name. */
  readonly helps?: Readonly<Record<string, Help>>
  /** @returns an exit code, one of {@link ExitCode} unless the help lists more */
  run(args: readonly string[], terminal: Terminal): Promise<number>
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
