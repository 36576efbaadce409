/** A terminal that keeps what was said to it. */
import type { Terminal } from '../../src/cli/command.ts'

export type KeptTerminal = Terminal & {
  readonly outLines: readonly string[]
  readonly errLines: readonly string[]
}

export function keptTerminal(
  settings: Partial<Pick<Terminal, 'usesColor' | 'columns' | 'rows'>> = {},
): KeptTerminal {
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
