/** A terminal that records its output. */
import type { Terminal } from '../../src/cli/command.ts'

export type RecordedTerminal = Terminal & {
  readonly outLines: readonly string[]
  readonly errLines: readonly string[]
}

export function keptTerminal(
  settings: Partial<Pick<Terminal, 'usesColor' | 'columns' | 'rows'>> = {},
): RecordedTerminal {
  const outLines: string[] = []
  const errLines: string[] = []
  return {
    out: (text) => void outLines.push(...text.split('\n')),
    err: (text) => void errLines.push(...text.split('\n')),
    usesColor: false,
    columns: 80,
    ...settings,
    outLines,
    errLines,
  }
}
