/** `slipway status`: the state of every node of the running slipway, once or continuously. */
import { parseArgs, stripVTControlCharacters } from 'node:util'
import { systemClock, type Clock, type Timer } from '../../host/clock.ts'
import type { NodeReport } from '../../install/reports.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { askControl, followControl, toResult } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { interruptible } from '../poll.ts'
import { clusterLines } from '../text/cluster.ts'
import { clockTime, type OutputStyle } from '../text/output.ts'
import { nowText, stateText } from '../../install/step-text.ts'
import { statusLines, type Status } from '../text/status.ts'
import { clip, printable } from '../../text/lines.ts'

export const status: Command = {
  name: 'status',
  help: {
    usage: ['status [--watch] [--json] [--control PATH]'],
    about: [
      'Shows the state of every node and what is wrong with it.',
      'Queries the running slipway for the state of each node, its current step with progress and rate, and, for a ' +
        'node that is stuck, the likely reason and what to do. "slipway node show NAME" shows all steps of one node.',
    ],
    options: [
      ['--watch', 'on a terminal, update the table continuously; otherwise print a line for each change'],
      controlRow,
      jsonRow,
    ],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running, or refused the request'],
      ['2', 'invalid command line'],
    ],
    isPaged: true,
    examples: ['status', 'status --watch', 'status --json'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...controlOptions, watch: { type: 'boolean', default: false } },
    })
    if (positionals.length > 0)
      throw new UsageError('expected no arguments; "slipway node show NAME" shows one node')
    if (values.watch && values.json)
      throw new UsageError('--watch does not print JSON; "slipway events --json" does')
    const path = controlPath(values.control)
    return toResult(terminal, async () => {
      if (values.watch) {
        await interruptible((signal) => watchStatus(path, terminal, systemClock, signal))
        return ExitCode.fine
      }
      const current = await askControl<Status>(path, '/v1/status')
      if (values.json) terminal.out(JSON.stringify(current, undefined, 2))
      else for (const line of statusLines(current, Date.now(), terminal)) terminal.out(line)
      return ExitCode.fine
    })
  },
}

/** Events arrive in bursts; more frequent updates would not be readable. */
const minPauseMs = 300

/** Updates without an event: ages grow, and symptoms appear. */
const maxPauseMs = 5000

/** Updates a table on a terminal, or prints a line for each change elsewhere, until `signal` is aborted. */
export async function watchStatus(
  path: string,
  terminal: Terminal,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const show = terminal.rows === undefined ? changes(terminal) : redraw(terminal)
  let timer: Timer | undefined
  let dueAt = Infinity

  async function update(): Promise<void> {
    dueAt = Infinity
    // The event stream reports once why slipway is not reachable.
    const current = await askControl<Status>(path, '/v1/status').catch(() => undefined)
    if (signal.aborted) return
    if (current !== undefined) show(current, clock.now())
    updateWithin(maxPauseMs)
  }
  function updateWithin(ms: number): void {
    const at = clock.monotonic() + ms
    if (at >= dueAt) return
    timer?.cancel()
    dueAt = at
    timer = clock.after(ms, () => void update())
  }

  show(await askControl<Status>(path, '/v1/status'), clock.now())
  updateWithin(maxPauseMs)
  try {
    await followControl(path, '/v1/events', {
      onEvent: () => updateWithin(minPauseMs),
      onGone: (sentence) => terminal.err(`slipway status: ${sentence}`),
      signal,
    })
  } finally {
    timer?.cancel()
  }
}

/** Output without wrapped lines. */
const unwrapped: OutputStyle = { columns: 1000, usesColor: false }

type Show = (status: Status, now: number) => void

/** Draws from the upper left corner and clears the rest of each line and of the screen. */
function redraw(terminal: Terminal): Show {
  terminal.out('\u001b[2J')
  return (current, now) => {
    const lines = statusLines(current, now, terminal)
    const height = Math.max(1, (terminal.rows ?? 24) - 2)
    const shown =
      lines.length <= height
        ? lines
        : [...lines.slice(0, height - 1), `… ${lines.length - height + 1} more lines: enlarge the window`]
    // A line that the terminal breaks would move those below it.
    const fitting = shown.map((line) => {
      const text = stripVTControlCharacters(line)
      return text.length > terminal.columns ? clip(text, terminal.columns) : line
    })
    terminal.out(`\u001b[H${fitting.map((line) => `${line}\u001b[K`).join('\n')}\u001b[J`)
  }
}

/** Prints a line for each node whose state, step, or symptom changed, and for each cluster that changed. */
function changes(terminal: Terminal): Show {
  const shown = new Map<string, string>()
  return ({ nodes, clusters = [] }, now) => {
    for (const standing of clusters) {
      // Compares at a fixed time, because ages always change.
      const key = clusterLines([standing], 0, unwrapped).join('\n')
      if (shown.get(standing.cluster) === key) continue
      shown.set(standing.cluster, key)
      for (const line of clusterLines([standing], now, unwrapped)) terminal.out(`${clockTime(now)}  ${line}`)
    }
    for (const node of nodes) {
      const { mode, step, symptom } = node
      const key = [mode, step?.kind, step?.outcome, step?.count, symptom?.name].join(' ')
      if (shown.get(node.node) === key) continue
      shown.set(node.node, key)
      terminal.out(changeLine(node, now))
    }
  }
}

function changeLine(node: NodeReport, now: number): string {
  const { symptom } = node
  const problem = symptom === undefined ? '' : `; ${symptom.saw}: ${symptom.likely}; ${symptom.advice}`
  const text = `${stateText(node, now)}: ${nowText(node.step, now)}${problem}`
  return `${clockTime(now)}  ${node.node}  ${printable(text)}`
}
