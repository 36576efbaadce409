/** The JSON of commands that change something: what they print for people, as one document at their end. */
import { ControlProblem, withNextStep } from './client.ts'
import { ExitCode, type Terminal } from './command.ts'

/** The names of exit codes in JSON. */
const outcomes: Readonly<Record<number, string>> = {
  [ExitCode.fine]: 'done',
  [ExitCode.problems]: 'failed',
  6: 'timed-out',
  8: 'interrupted',
}

/**
 * Runs a command. With JSON, standard output has only the document, and progress goes to standard error.
 *
 * @param facts fields of the document, in addition to `outcome`, `lines`, and `problems`
 * @param run gets the terminal to print on
 */
export async function withJsonResult(
  isJson: boolean,
  facts: object,
  terminal: Terminal,
  run: (terminal: Terminal) => Promise<number>,
): Promise<number> {
  if (!isJson) return run(terminal)
  const lines: string[] = []
  const problems: string[] = []
  const collecting: Terminal = {
    columns: terminal.columns,
    usesColor: false,
    out(line) {
      lines.push(line)
      terminal.err(line)
    },
    err(line) {
      problems.push(line)
      terminal.err(line)
    },
  }
  const code = await run(collecting).catch((error: unknown) => {
    if (!(error instanceof ControlProblem)) throw error
    collecting.err(withNextStep(error))
    return ExitCode.problems
  })
  terminal.out(
    JSON.stringify({ ...facts, outcome: outcomes[code] ?? 'failed', lines, problems }, undefined, 2),
  )
  return code
}
