/** `slipway state …`: checks, backs up, and restores the installation records, and accepts their loss. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { databaseName, StateInUse } from '../../install/open-store.ts'
import { backupState, checkState, restoreState, type StateSummary } from '../../install/state-backup.ts'
import { StateProblemError } from '../../install/state-files.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { didYouMean } from '../../text/nearest.ts'
import { askControl, ControlProblem, toResult } from '../client.ts'
import { actionHelps } from '../action-help.ts'
import { ExitCode, UsageError, type Command, type Help, type Terminal } from '../command.ts'
import { isRemote, requireLocal } from '../server-options.ts'
import { controlOptions, controlPath, controlRow, jsonRow, stateDirectory } from '../target.ts'
import { pluralize, formatDuration } from '../../text/format.ts'
import { printable, wrap } from '../../text/lines.ts'
import { paint, type OutputStyle } from '../text/output.ts'

type StateCall = {
  readonly control: string
  readonly directory: string
  readonly isJson: boolean
  readonly terminal: Terminal
}

/** Copying a large database takes longer than other requests. */
const backupTimeoutMs = 120_000

const help: Help = {
  usage: [
    'state [check] [--json] [--state DIR] [--control PATH] [FILE]',
    'state backup [--json] [--state DIR] [--control PATH] FILE',
    'state restore [--json] [--state DIR] FILE',
    'state accept [--json] [--control PATH]',
  ],
  about: [
    'Checks, backs up, and restores the installation records.',
    'The records show which machines slipway has installed, so that it never reinstalls one by accident. Back them up ' +
      'together with the site file.',
  ],
  lists: {
    Commands: [
      [
        'check',
        'check a backup FILE, or the state of the running slipway; if slipway is not running, check the state directory',
      ],
      [
        'backup',
        'write a consistent copy to FILE, even while slipway is running. In that case the user of the service must be able to write FILE',
      ],
      [
        'restore',
        'replace the state with a backup while slipway is stopped; the previous state is kept in the same directory',
      ],
      ['accept', 'let slipway install new machines automatically again after the state was lost or restored'],
    ],
  },
  options: [
    ['--state DIR', 'state directory (default: $STATE_DIRECTORY, else /var/lib/slipway)'],
    controlRow,
    jsonRow,
  ],
  exit: [
    ['0', 'success, and no problems'],
    ['1', 'the state has problems, or the operation failed'],
    ['2', 'invalid command line'],
  ],
  examples: [
    'state check',
    'state backup /var/lib/slipway/backup.db',
    'state restore /var/lib/slipway/backup.db',
  ],
}

export const state: Command = {
  name: 'state',
  help,
  helps: actionHelps(help, {
    check: {
      about: [
        'Checks the installation records.',
        'Checks a backup FILE, or the state of the running slipway. If slipway is not running, it checks the state directory.',
      ],
      examples: ['state check', 'state check /var/lib/slipway/backup.db'],
    },
    backup: {
      hasResult: true,
      about: [
        'Writes a consistent copy of the installation records.',
        'Works while slipway is running. In that case the user of the service must be able to write FILE. With --server, ' +
          'FILE is the name of a new file in the directory backups of the state directory on the server.',
      ],
      examples: ['state backup /var/lib/slipway/backup.db'],
    },
    restore: {
      hasResult: true,
      about: [
        'Replaces the installation records with a backup.',
        'slipway must be stopped. The previous state is kept in the same directory. Until "slipway state accept", slipway ' +
          'installs no machine automatically.',
      ],
      examples: ['state restore /var/lib/slipway/backup.db'],
    },
    accept: {
      hasResult: true,
      about: ['Lets slipway install new machines automatically again after the state was lost or restored.'],
      examples: ['state accept'],
    },
  }),

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...controlOptions, state: { type: 'string' } },
    })
    const [action = 'check', file, ...more] = positionals
    const run = Object.hasOwn(actions, action) ? actions[action] : undefined
    if (run === undefined) {
      const known = Object.keys(actions)
      throw new UsageError(`expected one of ${known.join(', ')}${didYouMean(action, known)}`)
    }
    if (more.length > 0 || (action === 'accept' && file !== undefined))
      throw new UsageError('too many arguments')
    if (file === undefined && (action === 'backup' || action === 'restore')) {
      throw new UsageError(`${action}: expected a file`)
    }
    const call = {
      control: controlPath(values.control),
      directory: stateDirectory(values.state),
      isJson: values.json,
      terminal,
    }
    return toResult(terminal, async () => {
      try {
        return await run(call, file)
      } catch (error) {
        if (!(error instanceof StateProblemError || error instanceof StateInUse)) throw error
        terminal.err(`slipway state: ${error.message}`)
        return ExitCode.problems
      }
    })
  },
}

type Action = (call: StateCall, file: string | undefined) => Promise<number>

const actions: Readonly<Record<string, Action>> = {
  async check(call, file) {
    const path = file ?? join(call.directory, databaseName)
    const answer =
      file === undefined ? await askRunning<{ problems: ActiveProblem[] }>(call, '/v1/state') : undefined
    if (answer !== undefined) return printProblems(answer.problems, call)
    const summary = checkState(path)
    print(summary, summaryLines(summary, Date.now(), call.terminal), call)
    const isFine = summary.unreadable.length === 0 && summary.incomplete === undefined
    return isFine ? ExitCode.fine : ExitCode.problems
  },
  async backup(call, file = '') {
    const target = isRemote(call.control) ? file : resolve(file)
    const request = `/v1/state/backup?path=${encodeURIComponent(target)}`
    if (isRemote(call.control)) {
      const { path } = await askControl<{ path: string }>(call.control, request, 'POST', backupTimeoutMs)
      print({ path }, [`${path}: written on the server`], call)
      return ExitCode.fine
    }
    if ((await askRunning(call, request, 'POST')) === undefined) backupState(call.directory, target)
    const summary = checkState(target)
    print(summary, summaryLines(summary, Date.now(), call.terminal), call)
    return ExitCode.fine
  },
  restore({ control, directory, terminal }, file = '') {
    requireLocal(control, 'state restore')
    const previous = restoreState(resolve(file), directory, Date.now())
    terminal.out(`${join(directory, databaseName)}: restored from ${file}`)
    if (previous !== undefined) terminal.out(`the previous state is kept in ${previous}`)
    terminal.out('next: start slipway; machines whose records are incomplete boot from their disks')
    return Promise.resolve(ExitCode.fine)
  },
  async accept(call) {
    const path = '/v1/state/accept'
    const { problems } = await askControl<{ problems: ActiveProblem[] }>(call.control, path, 'POST')
    return printProblems(problems, call)
  },
}

/** Returns nothing when slipway does not run. @throws {ControlProblem} when it refuses the request */
async function askRunning<T extends object>(
  { control }: StateCall,
  path: string,
  method: 'GET' | 'POST' = 'GET',
): Promise<T | undefined> {
  try {
    return await askControl<T>(control, path, method, backupTimeoutMs)
  } catch (error) {
    if (error instanceof ControlProblem && error.isNotRunning) return undefined
    throw error
  }
}

function printProblems(problems: readonly ActiveProblem[], call: StateCall): number {
  print({ problems }, problemLines(problems, call.terminal), call)
  return problems.length === 0 ? ExitCode.fine : ExitCode.problems
}

function print(json: object, lines: readonly string[], { isJson, terminal }: StateCall): void {
  for (const line of isJson ? [JSON.stringify(json, undefined, 2)] : lines) terminal.out(line)
}

/** Returns the contents of a database, and what is wrong with it. */
export function summaryLines(summary: StateSummary, now: number, output: OutputStyle): string[] {
  const { path, site, machines, unreadable, observations, lastAt, incomplete } = summary
  const ofSite = site === undefined ? '' : ` of site ${site}`
  const last = lastAt === 0 ? '' : `, the last one ${formatDuration(Math.max(0, now - lastAt))} ago`
  return [
    `${path}: ${pluralize(machines, 'machine')}${ofSite}, ${pluralize(observations, 'observation')}${last}`,
    ...unreadable.flatMap((machine) => notice(`the record of ${machine} cannot be read`, output)),
    ...(incomplete === undefined ? [] : notice(incomplete, output)),
  ]
}

/** Returns the problems of the state of the running slipway. */
function problemLines(problems: readonly ActiveProblem[], output: OutputStyle): string[] {
  if (problems.length === 0) return ['the state of the running slipway has no problems']
  return [
    ...problems.flatMap(({ text }) => notice(text, output)),
    '',
    ...wrap(
      'Machines whose records are incomplete boot from their disks. To install one, run "slipway node install NAME". ' +
        'To let slipway install new machines automatically again, run "slipway state accept".',
      output.columns,
    ),
  ]
}

function notice(text: string, output: OutputStyle): string[] {
  return wrap(printable(text), Math.max(20, output.columns - 2)).map((line, index) => {
    return `${index === 0 ? paint(output, 'yellow', '!') : ' '} ${line}`
  })
}
