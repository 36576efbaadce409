/** The shape of a command, so that `--help`, errors and exit codes are alike everywhere. */

/** Where a command speaks; the process's own streams in main.ts, collected text in tests. */
export type Terminal = {
  /** Writes a line to standard output. */
  out(line: string): void
  /** Writes a line to standard error. */
  err(line: string): void
  /** Whether standard output is a terminal that may be coloured (NO_COLOR respected). */
  readonly usesColor: boolean
  /** Replaces the last line, which is not part of the output; '' takes it away. Absent where nobody watches. */
  readonly status?: (line: string) => void
  readonly columns: number
  /** Of a terminal, where what was written can be replaced; absent where output is a file or a pipe. */
  readonly rows?: number
}

export type Command = {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** The text of `--help`, beginning with `usage: slipway NAME …`. */
  readonly usage: string
  /** By its first word: of what it does in so many ways that each has a text of its own. */
  readonly usages?: Readonly<Record<string, string>>
  /** @returns an exit code, one of {@link ExitCode} */
  run(args: readonly string[], terminal: Terminal): Promise<number>
}

export const ExitCode = {
  fine: 0,
  /** The input has problems, or what was asked for did not succeed. */
  problems: 1,
  /** The command line was not understood. */
  usage: 2,
} as const

/** A command line that was not understood; main.ts prints the message and the usage, and exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
