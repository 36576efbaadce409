/** `slipway history`: the sites that slipway served, and their site files. */
import { parseArgs } from 'node:util'
import { writeAtomically } from '../../host/files.ts'
import type { HistoryRow } from '../../serve/control/site-routes.ts'
import { readHistory } from '../../site-history.ts'
import { alignColumns, printable } from '../../text/lines.ts'
import { askControl, ControlProblem, toResult } from '../client.ts'
import { actionHelps } from '../action-help.ts'
import { ExitCode, UsageError, type Command, type Help, type Terminal } from '../command.ts'
import { isRemote } from '../server-options.ts'
import {
  controlPath,
  controlRow,
  jsonRow,
  siteFile,
  siteOptions,
  siteRows,
  stateDirectory,
} from '../target.ts'
import { fileProblem } from '../../text/file-problem.ts'
import { clockTime, dateTime } from '../text/output.ts'

const help: Help = {
  usage: [
    'history [--json] [--control PATH]',
    'history show [--output FILE] [--state DIR] [--site FILE] [--control PATH] [NUMBER]',
  ],
  about: [
    'Lists the sites that slipway served and who changed them, with the active one first.',
    'slipway keeps the last 20 valid site files. With "show", the command prints one of them. If slipway is not ' +
      'running, or with --state, it reads the state directory: run it as root or as the user of the service, because ' +
      'the files can contain secrets. A site that is not confirmed is not in the state directory.',
  ],
  options: [
    ['--output FILE', 'write the site file to FILE instead of printing it; an existing FILE is replaced'],
    [
      '--state DIR',
      'read this state directory, not the running slipway (default: $STATE_DIRECTORY, else /var/lib/slipway)',
    ],
    ...siteRows.slice(0, 1),
    controlRow,
    jsonRow,
  ],
  exit: [
    ['0', 'success'],
    ['1', 'slipway is not running, or there is no such site'],
    ['2', 'invalid command line'],
  ],
  isPaged: true,
  examples: ['history', 'history show 1', 'history show --output /etc/slipway/site.yaml 0'],
}

export const history: Command = {
  name: 'history',
  help,
  helps: actionHelps(help, {
    show: {
      about: [
        'Prints one of the last 20 valid site files that slipway served.',
        'NUMBER is that of "slipway history"; 0 is the active site. If slipway is not running, or with --state, the ' +
          'command reads the state directory: run it as root or as the user of the service, because the files can ' +
          'contain secrets.',
      ],
      isPaged: true,
      examples: ['history show 1', 'history show --output /etc/slipway/site.yaml 0'],
    },
  }),

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...siteOptions,
        json: { type: 'boolean', default: false },
        state: { type: 'string' },
        output: { type: 'string' },
      },
    })
    const [action, number = '0', ...more] = positionals
    if ((action !== undefined && action !== 'show') || more.length > 0 || !/^\d{1,3}$/.test(number)) {
      throw new UsageError('expected no arguments, or show and a number')
    }
    if (action === undefined) {
      return toResult(terminal, async () => {
        const rows = await askControl<HistoryRow[]>(controlPath(values.control), '/v1/history')
        if (values.json) terminal.out(JSON.stringify(rows, undefined, 2))
        else for (const line of historyLines(rows)) terminal.out(line)
        return ExitCode.fine
      })
    }
    const control = controlPath(values.control)
    const isRecord = values.state !== undefined || values.site !== undefined
    if (isRemote(control) || (!isRecord && (await isRunning(control)))) {
      return toResult(terminal, async () => {
        const { text } = await askControl<{ text: string }>(control, `/v1/history/${number}`)
        return printSite(text, values.output, terminal)
      })
    }
    const directory = stateDirectory(values.state)
    const entries = await readHistory(directory, await siteFile(values, undefined))
    const entry = entries[Number(number)]
    if (entry === undefined) {
      terminal.err(
        `slipway history: ${directory} has no readable site with the number ${number}; "slipway history" lists the numbers; if slipway has another state directory, specify it with --state DIR`,
      )
      return ExitCode.problems
    }
    return printSite(entry.text, values.output, terminal)
  },
}

/** The running slipway knows its own state directory. */
async function isRunning(control: string): Promise<boolean> {
  try {
    await askControl(control, '/v1/history')
    return true
  } catch (error) {
    if (!(error instanceof ControlProblem)) throw error
    return !error.isNotRunning
  }
}

/** Prints the text of a site file, or writes it to a file. */
async function printSite(text: string, output: string | undefined, terminal: Terminal): Promise<number> {
  if (output === undefined) {
    terminal.out(text.replace(/\n$/, ''))
    return ExitCode.fine
  }
  try {
    await writeAtomically(output, text)
  } catch (error) {
    terminal.err(`slipway history: ${fileProblem('write', output, error)}`)
    return ExitCode.problems
  }
  terminal.out(`${output}: written`)
  return ExitCode.fine
}

export function historyLines(rows: readonly HistoryRow[]): string[] {
  return alignColumns([
    ['number', 'served since', 'user', 'site'],
    ...rows.map(({ number, at, summary, by, confirmBy }) => [
      String(number),
      dateTime(at),
      printable(by ?? ''),
      `${number === 0 ? 'active; ' : ''}${confirmBy === undefined ? '' : `not confirmed until ${clockTime(confirmBy)}; `}${printable(summary)}`,
    ]),
  ])
}
