/** `slipway node log NAME`: what a node sent to the syslog receiver. */
import { isAborted, pause, systemClock } from '../../../host/clock.ts'
import type { LogLine, NodeLog } from '../../../serve/syslog/node-logs.ts'
import { pluralize } from '../../../text/format.ts'
import { printable } from '../../../text/lines.ts'
import { askControl } from '../../client.ts'
import { ExitCode, type Help, type Terminal } from '../../command.ts'
import { interruptible } from '../../poll.ts'
import { parseLogArguments } from '../../log-options.ts'
import { controlRow, nodeKeys } from '../../target.ts'
import { clockTime, paint } from '../../text/output.ts'

const limits = { usual: 100, most: 9999 }
const followMs = 1000

export const logHelp: Help = {
  usage: ['node log [--lines N] [--follow] [--json] [--control PATH] NAME'],
  about: [
    'Shows the log that a node sends.',
    'Prints what the syslog receiver of the running slipway got from the node: the journal of the live system during an ' +
      'installation, and what other systems send. The site file needs the section syslog: see docs/syslog.md. ' +
      '"slipway log NAME" prints the events that slipway itself recorded. NAME is w1, or ocp45/w1 if several clusters ' +
      'have a node w1.',
  ],
  options: [
    ['--lines N', `how many lines, from 1 to ${limits.most} (default: ${limits.usual})`],
    ['--follow', 'then wait for further lines until you press Ctrl-C'],
    controlRow,
    ['--json', 'print a JSON document on each line'],
  ],
  exit: [
    ['0', 'success'],
    ['1', 'slipway is not running, or has no syslog receiver'],
    ['2', 'invalid command line, or no such node'],
  ],
  isPaged: true,
  examples: ['node log w1', 'node log --follow ocp45/w1'],
}

export async function log(args: readonly string[], terminal: Terminal): Promise<number> {
  const { name, lines: count, isFollowed, isJson, control: path } = parseLogArguments(args, limits)
  const [key = ''] = await nodeKeys(path, [name])
  const print = (line: LogLine) => terminal.out(isJson ? JSON.stringify(line) : lineText(line, terminal))
  const read = (query: string) => askControl<NodeLog>(path, `/v1/nodes/${key}/log?${query}`)

  const { lines, dropped } = await read(`lines=${count}`)
  lines.forEach(print)
  if (!isJson && lines.length === 0) terminal.err(`slipway node log: ${key} has sent no log`)
  if (!isJson && dropped > 0) {
    const messages = pluralize(dropped, 'message')
    terminal.err(`slipway node log: dropped ${messages}, because ${key} sent them too fast`)
  }
  if (isFollowed) {
    let after = lines.at(-1)?.sequence ?? 0
    await interruptible(async (signal) => {
      for (;;) {
        await pause(systemClock, followMs, signal)
        if (isAborted(signal)) return
        const next = await read(`after=${after}`)
        next.lines.forEach(print)
        after = next.lines.at(-1)?.sequence ?? after
      }
    })
  }
  return ExitCode.fine
}

/** `10:00:05 UTC  kernel: Linux version …`, with errors in red and warnings in yellow (RFC 5424 §6.2.1). */
function lineText({ at, severity, app, text }: LogLine, terminal: Terminal): string {
  const line = printable(app === undefined ? text : `${app}: ${text}`)
  const shown =
    severity <= 3 ? paint(terminal, 'red', line) : severity === 4 ? paint(terminal, 'yellow', line) : line
  return `${paint(terminal, 'dim', clockTime(at))}  ${shown}`
}
