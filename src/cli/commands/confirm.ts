/** `slipway confirm`: keeps a site that was reloaded with `--confirm`. */
import { parseArgs } from 'node:util'
import type { Confirmed } from '../../serve/control/site-routes.ts'
import { askControl, toResult } from '../client.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'

export const confirm: Command = {
  name: 'confirm',
  help: {
    usage: ['confirm [--json] [--control PATH]'],
    about: [
      'Keeps a site that was reloaded with "slipway reload --confirm".',
      'Without a confirmation, slipway returns to the previous site when the time limit expires or when it restarts.',
    ],
    options: [controlRow, jsonRow],
    exit: [
      ['0', 'the site is kept'],
      ['1', 'no reload is waiting for confirmation, or slipway is not running'],
      ['2', 'invalid command line'],
    ],
    examples: ['reload --confirm 5m', 'confirm'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length > 0) throw new UsageError('expected no arguments')
    return toResult(terminal, async () => {
      const confirmed = await askControl<Confirmed>(controlPath(values.control), '/v1/confirm', 'POST')
      terminal.out(values.json ? JSON.stringify(confirmed, undefined, 2) : 'site confirmed')
      return ExitCode.fine
    })
  },
}
