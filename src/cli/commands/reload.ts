/** `slipway reload`: the running slipway reloads its site file and returns the result. */
import { parseArgs } from 'node:util'
import type { Reloaded } from '../../serve/control/routes.ts'
import { pluralize } from '../../text/format.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { askControl, ControlProblem, toResult } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'

/**
 * HAProxy validates its file within 10 s, reloads within 40 s, and reloads again with its old file within another 40 s
 * (src/serve/haproxy). A reload that another client requested can come first.
 */
const reloadTimeoutMs = 2 * 90_000

export const reload: Command = {
  name: 'reload',
  help: {
    usage: ['reload [--json] [--control PATH]'],
    about: [
      'Reloads the site file of the running slipway and prints the result.',
      'Does the same as "systemctl reload slipway". If the file has errors, slipway keeps the current plan, and the ' +
        'command prints every error with its line and column. The command waits for HAProxy to reload.',
    ],
    options: [controlRow, jsonRow],
    exit: [
      ['0', 'the new site is served'],
      ['1', 'slipway keeps the current plan, or is not running'],
      ['2', 'invalid command line'],
    ],
    examples: ['reload', 'reload --json'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length > 0)
      throw new UsageError('expected no arguments: slipway reloads the site file that it serves')
    return toResult(terminal, async () => {
      const reloaded = await reloadSite(controlPath(values.control))
      if (values.json) terminal.out(JSON.stringify(reloaded, undefined, 2))
      else printReload(reloaded, terminal)
      return reloaded.outcome === 'swapped' ? ExitCode.fine : ExitCode.problems
    })
  },
}

/** @throws {ControlProblem} when slipway is not reachable, or does not respond in time */
export async function reloadSite(path: string): Promise<Reloaded> {
  try {
    return await askControl<Reloaded>(path, '/v1/reload', 'POST', reloadTimeoutMs)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal?.reasons === undefined) throw error
    return { outcome: 'kept', reasons: error.refusal.reasons }
  }
}

/** Prints the result of a reload. */
export function printReload(reloaded: Reloaded, terminal: Terminal): void {
  if (reloaded.outcome === 'kept') {
    for (const reason of reloaded.reasons) terminal.err(reason)
    terminal.err('slipway: site reload rejected, the current plan stays active')
    return
  }
  const { nodes, troubles } = reloaded
  terminal.out(`site reloaded: ${pluralize(nodes, 'node')}`)
  for (const trouble of troubles) terminal.err(`! ${trouble}`)
}
