/** Shows output that is longer than the screen in a pager, like git and systemctl. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import type { Terminal } from './command.ts'

/** Shows the text and waits until the reader closes it. Returns false if there is no pager to show it. */
export type Pager = (text: string) => Promise<boolean>

/** The shell's exit status for a command that does not exist. */
const notFound = 127

/** Returns the user's pager; undefined if the user disabled it. `$PAGER` is a command line of the shell. */
export function createPager(environment: Readonly<Record<string, string | undefined>>): Pager | undefined {
  const command = environment['SLIPWAY_PAGER'] ?? environment['PAGER'] ?? 'less'
  // A terminal without cursor control shows no pages.
  if (command === '' || command === 'cat' || environment['TERM'] === 'dumb') return undefined
  // F: exit if the text fits the screen. R: show colors. X: leave the text on the screen.
  const env = { ...environment, LESS: environment['LESS'] ?? 'FRX' }
  return async (text) => {
    const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'inherit', 'inherit'], env })
    // Ctrl-C stops a search in the pager; it ends neither the pager nor slipway.
    const ignore = (): void => {}
    process.on('SIGINT', ignore)
    // The reader can close the pager before the end of the text.
    child.stdin.on('error', ignore)
    child.stdin.end(text)
    const [code] = (await once(child, 'close').catch(() => [notFound])) as [number | null]
    process.off('SIGINT', ignore)
    return code !== notFound
  }
}

type Line = { readonly text: string; readonly isError: boolean }

/**
 * Runs a command and shows its output in the pager if it is longer than the screen. Otherwise, or without a pager, prints
 * each line to its stream.
 */
export async function runPaged(
  run: (terminal: Terminal) => Promise<number>,
  terminal: Terminal,
  pager: Pager | undefined,
): Promise<number> {
  const { rows, columns } = terminal
  if (pager === undefined || rows === undefined) return run(terminal)
  const lines: Line[] = []
  // Errors keep their position between the other lines, unless standard error is redirected.
  const isErrorShown = terminal.status !== undefined
  const collected: Terminal = {
    ...terminal,
    out: (text) => void lines.push({ text, isError: false }),
    err: (text) => (isErrorShown ? void lines.push({ text, isError: true }) : terminal.err(text)),
  }
  const printAll = (): void => {
    for (const { text, isError } of lines) terminal[isError ? 'err' : 'out'](text)
  }
  const code = await run(collected).catch((error: unknown) => {
    printAll()
    throw error
  })
  const shown = lines.flatMap(({ text }) => text.split('\n'))
  const height = shown.reduce((sum, line) => sum + heightOf(line, columns), 0)
  if (height < rows || !(await pager(`${shown.join('\n')}\n`))) printAll()
  return code
}

/** Returns how many rows of the screen a line has. */
function heightOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns))
}
