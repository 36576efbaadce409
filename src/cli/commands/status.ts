/** `slipway status`: where every node of a running slipway stands, once or as it goes. */
import { parseArgs } from 'node:util'
import { systemClock, type Clock, type Timer } from '../../host/clock.ts'
import type { NodeReport } from '../../install/reports.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import {
  askControl,
  controlHelp,
  controlOptions,
  controlPath,
  ControlProblem,
  followControl,
} from '../client.ts'
import { clusterLines } from '../text/cluster.ts'
import { clockTime, type OutputStyle } from '../text/output.ts'
import { stateText, statusLines, type Status } from '../text/status.ts'
import { nowText } from '../text/step.ts'
import { clip } from '../../text/clip.ts'
import { printable } from '../../text/printable.ts'

export const status: Command = {
  name: 'status',
  summary: 'say where every node stands: its state, its step, what is wrong with it',
  usage: `usage: slipway status [--watch] [--json] [--control PATH]

Asks the running slipway for its nodes: the state of each, the step that it is at,
with progress and rate, and, where one does not go on, the likely reason and what to
do. slipway node show NAME tells one node's whole way.

  --watch          keep it up to date on a terminal; elsewhere a line for each change
${controlHelp}

Exit code 0: told. 1: slipway cannot be asked. 2: usage.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...controlOptions, watch: { type: 'boolean', default: false } },
    })
    if (positionals.length > 0)
      throw new UsageError('status takes no names; slipway node show NAME tells of one node')
    if (values.watch && values.json)
      throw new UsageError('--watch is for people; slipway events --json follows as JSON')
    const path = controlPath(values.control)
    return toResult(terminal, async () => {
      if (values.watch) {
        await watchStatus(path, terminal, systemClock, new AbortController().signal)
        return ExitCode.fine
      }
      const current = await askControl<Status>(path, '/v1/status')
      if (values.json) terminal.out(JSON.stringify(current, undefined, 2))
      else for (const line of statusLines(current, Date.now(), terminal)) terminal.out(line)
      return ExitCode.fine
    })
  },
}

/** Runs what asks a running slipway; a {@link ControlProblem} becomes a line and exit code 1. */
export async function toResult(terminal: Terminal, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof ControlProblem)) throw error
    terminal.err(`slipway: ${error.message}`)
    return ExitCode.problems
  }
}

/** Events come in bursts; a person reads no faster than this. */
const leastPauseMs = 300

/** Ages grow, and symptoms come, without an event. */
const mostPauseMs = 5000

/** Until `signal` is aborted: a table that is kept up to date, or a line for each change where it cannot be. */
export async function watchStatus(
  path: string,
  terminal: Terminal,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const tell = terminal.rows === undefined ? changes(terminal) : redraw(terminal)
  let timer: Timer | undefined
  let dueAt = Infinity

  async function look(): Promise<void> {
    dueAt = Infinity
    // Why it cannot be asked is said once, by the stream of events.
    const current = await askControl<Status>(path, '/v1/status').catch(() => undefined)
    if (signal.aborted) return
    if (current !== undefined) tell(current, clock.now())
    lookWithin(mostPauseMs)
  }
  function lookWithin(ms: number): void {
    const at = clock.monotonic() + ms
    if (at >= dueAt) return
    timer?.cancel()
    dueAt = at
    timer = clock.after(ms, () => void look())
  }

  tell(await askControl<Status>(path, '/v1/status'), clock.now())
  lookWithin(mostPauseMs)
  try {
    await followControl(path, '/v1/events', {
      onEvent: () => lookWithin(leastPauseMs),
      onGone: (sentence) => terminal.err(`slipway status: ${sentence}`),
      signal,
    })
  } finally {
    timer?.cancel()
  }
}

/** A line that is never folded. */
const endless: OutputStyle = { columns: 1000, usesColor: false }

type Tell = (status: Status, now: number) => void

/** From the upper left corner, each line cleared to its end, and what was below. */
function redraw(terminal: Terminal): Tell {
  terminal.out('\u001b[2J')
  return (current, now) => {
    const lines = statusLines(current, now, terminal)
    const room = Math.max(1, (terminal.rows ?? 24) - 2)
    const shown =
      lines.length <= room
        ? lines
        : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines in a taller window`]
    terminal.out(`\u001b[H${shown.map((line) => `${line}\u001b[K`).join('\n')}\u001b[J`)
  }
}

/** A line for a node whose state, step or trouble is another than before, or a cluster that stands elsewhere. */
function changes(terminal: Terminal): Tell {
  const told = new Map<string, string>()
  return ({ nodes, clusters = [] }, now) => {
    for (const standing of clusters) {
      // Ages grow all the time, and at the beginning of time there are none.
      const key = clusterLines([standing], 0, endless).join('\n')
      if (told.get(standing.cluster) === key) continue
      told.set(standing.cluster, key)
      for (const line of clusterLines([standing], now, endless)) terminal.out(`${clockTime(now)}  ${line}`)
    }
    for (const node of nodes) {
      const { mode, step, symptom } = node
      const key = [mode, step?.kind, step?.outcome, step?.count, symptom?.name].join(' ')
      if (told.get(node.node) === key) continue
      told.set(node.node, key)
      terminal.out(changeLine(node, now))
    }
  }
}

function changeLine(node: NodeReport, now: number): string {
  const { symptom } = node
  const trouble = symptom === undefined ? '' : `; ${symptom.saw}: ${symptom.likely}; ${symptom.advice}`
  const text = `${stateText(node, now)}: ${nowText(node.step, now)}${trouble}`
  return `${clockTime(now)}  ${node.node}  ${clip(printable(text), 1000)}`
}
