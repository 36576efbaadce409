/** `slipway reload`: the running slipway reloads its site file and returns the result. */
import { parseArgs } from 'node:util'
import type { Reloaded } from '../../serve/control/site-routes.ts'
import { appliedSummary } from '../../plan/changes/summary.ts'
import { pluralize } from '../../text/format.ts'
import { ExitCode, UsageError, type Command, type HelpRow, type Terminal } from '../command.ts'
import { askControl, ControlProblem, toResult } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { changeLines } from '../text/changes.ts'
import { clockTime } from '../text/output.ts'

/**
 * HAProxy validates its file within 10 s, reloads within 40 s, and reloads again with its old file within another 40 s
 * (src/serve/haproxy). A reload that another client requested can come first.
 */
const reloadTimeoutMs = 2 * 90_000

export const confirmRow: HelpRow = [
  '--confirm TIME',
  'roll back after TIME unless confirmed: 30s, 5m, or 1h, from 10 s to 24 h',
]

export const reload: Command = {
  name: 'reload',
  help: {
    usage: ['reload [--confirm TIME] [--json] [--control PATH]'],
    about: [
      'Reloads the site file of the running slipway and prints what changed.',
      'Does the same as "systemctl reload slipway". If the file has errors, slipway keeps the current plan, and the ' +
        'command prints every error with its line and column. The command waits for HAProxy to reload. "slipway plan" ' +
        'shows the changes in advance.',
      'With --confirm, slipway returns to the previous site unless you run "slipway confirm" in that time. It also ' +
        'returns to the previous site if it restarts within that time. Later reloads do not confirm the site.',
    ],
    options: [confirmRow, controlRow, jsonRow],
    exit: [
      ['0', 'the new site is served'],
      ['1', 'slipway keeps the current plan, or is not running'],
      ['2', 'invalid command line'],
    ],
    examples: ['reload', 'reload --confirm 5m', 'reload --json'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...controlOptions, confirm: { type: 'string' } },
    })
    if (positionals.length > 0)
      throw new UsageError('expected no arguments: slipway reloads the site file that it serves')
    const query = values.confirm === undefined ? '' : `?confirm=${secondsOf(values.confirm)}`
    return toResult(terminal, async () => {
      const reloaded = await replaceSite(controlPath(values.control), `/v1/reload${query}`)
      if (values.json) terminal.out(JSON.stringify(reloaded, undefined, 2))
      else printReload(reloaded, terminal, 'reload')
      return reloaded.outcome === 'swapped' ? ExitCode.fine : ExitCode.problems
    })
  },
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** `90s`, `5m`, `1h`; a number alone has no unit and is refused. @throws {UsageError} */
export function secondsOf(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,5})([smh])$/.exec(text) ?? []
  const seconds = Number(amount) * (unitSeconds[unit] ?? 0)
  if (seconds < 10 || seconds > 86_400) {
    throw new UsageError(`--confirm ${text}: expected a time from 10 s to 24 h, such as 30s, 5m, or 1h`)
  }
  return seconds
}

/** @throws {ControlProblem} when slipway is not reachable, or does not respond in time */
export function reloadSite(path: string): Promise<Reloaded> {
  return replaceSite(path, '/v1/reload')
}

/** @throws {ControlProblem} as {@link reloadSite} */
export async function replaceSite(control: string, path: string): Promise<Reloaded> {
  try {
    return await askControl<Reloaded>(control, path, 'POST', reloadTimeoutMs)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal?.reasons === undefined) throw error
    return { outcome: 'kept', reasons: error.refusal.reasons }
  }
}

/** Prints the result of a reload or a rollback, and what it changed; not after an edit, whose changes are known. */
export function printReload(
  reloaded: Reloaded,
  terminal: Terminal,
  operation: 'reload' | 'rollback' | 'edit',
): void {
  if (reloaded.outcome === 'kept') {
    for (const reason of reloaded.reasons) terminal.err(reason)
    terminal.err(
      `slipway: ${operation === 'rollback' ? operation : 'site reload'} rejected, the current plan stays active: ${operation === 'rollback' ? 'read the reasons above' : 'resolve the problems above, then run "slipway reload"'}`,
    )
    return
  }
  const { nodes, troubles, changes, confirmBy, differsFrom } = reloaded
  const count = pluralize(nodes, 'node')
  terminal.out(operation === 'rollback' ? `earlier site served again: ${count}` : `site reloaded: ${count}`)
  if (changes !== undefined && operation !== 'edit') {
    for (const line of changeLines(changes, terminal)) terminal.out(line)
    terminal.out(appliedSummary(changes))
  }
  for (const trouble of troubles) terminal.err(`! ${trouble}`)
  if (confirmBy !== undefined) {
    terminal.out(
      `Not confirmed: slipway rolls back at ${clockTime(confirmBy)}. To keep the site: slipway confirm`,
    )
  }
  if (differsFrom !== undefined) {
    terminal.out(`${differsFrom} differs from the served site. To keep the served site:`)
    terminal.out(`  slipway history show --output ${differsFrom} 0 && slipway reload`)
  }
}
