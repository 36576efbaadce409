/** `slipway node log NAME`: what a node sent to the syslog receiver. */
import { parseArgs } from 'node:util'
import { isAborted, pause, systemClock } from '../../../host/clock.ts'
import type { LogLine, NodeLog } from '../../../serve/syslog/node-logs.ts'
import { pluralize } from '../../../text/format.ts'
import { printable } from '../../../text/lines.ts'
import { askControl } from '../../client.ts'
import { ExitCode, UsageError, type Help, type Terminal } from '../../command.ts'
import { interruptible } from '../../poll.ts'
import { controlOptions, controlPath, controlRow, nodeKeys } from '../../target.ts'
import { clockTime, paint } from '../../text/output.ts'

const defaultLines = 100
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
    ['--lines N', `how many lines, from 1 to 9999 (default: ${defaultLines})`],
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
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...controlOptions,
      lines: { type: 'string', default: String(defaultLines) },
      follow: { type: 'boolean', default: false },
    },
  })
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0) throw new UsageError('expected the name of one node')
  if (!/^[1-9]\d{0,3}$/.test(values.lines))
    throw new UsageError(`--lines ${values.lines}: expected a number from 1 to 9999`)
  const path = controlPath(values.control)
  const [key = ''] = await nodeKeys(path, [name])
  const print = (line: LogLine) => terminal.out(values.json ? JSON.stringify(line) : lineText(line, terminal))
  const read = (query: string) => askControl<NodeLog>(path, `/v1/nodes/${key}/log?${query}`)

  const { lines, dropped } = await read(`lines=${values.lines}`)
  lines.forEach(print)
  if (!values.json && lines.length === 0) terminal.err(`slipway node log: ${key} has sent no log`)
  if (!values.json && dropped > 0) {
    const count = pluralize(dropped, 'message')
    terminal.err(`slipway node log: dropped ${count}, because ${key} sent them too fast`)
  }
  if (values.follow) {
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
