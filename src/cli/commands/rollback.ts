/** `slipway rollback`: the running slipway serves an earlier site again. */
import { parseArgs } from 'node:util'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { toResult } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { confirmRow, printReload, replaceSite, secondsOf } from './reload.ts'

export const rollback: Command = {
  name: 'rollback',
  help: {
    usage: ['rollback [--confirm TIME] [--json] [--control PATH] [NUMBER]'],
    about: [
      'Serves an earlier site again and prints what changed.',
      'NUMBER is a number from "slipway history" (default: 1, the site before the active one). The site file does not ' +
        'change. Until you correct and reload it, slipway serves the earlier site, even after a restart. To keep the ' +
        'earlier site, write it to the site file with "slipway history show".',
      'With --confirm, slipway returns to the site that is served now unless you run "slipway confirm" in that time. A ' +
        'restart within that time also returns to it.',
    ],
    options: [confirmRow, controlRow, jsonRow],
    exit: [
      ['0', 'the earlier site is served'],
      ['1', 'there is no such site, it needs a restart, or slipway is not running'],
      ['2', 'invalid command line'],
    ],
    examples: [
      'rollback',
      'rollback 3',
      'rollback --confirm 5m',
      'history show --output /etc/slipway/site.yaml 0',
    ],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...controlOptions, confirm: { type: 'string' } },
    })
    const [number = '1', ...more] = positionals
    if (more.length > 0 || !/^\d{1,3}$/.test(number)) throw new UsageError('expected a number of the history')
    const confirm = values.confirm === undefined ? '' : `&confirm=${secondsOf(values.confirm)}`
    return toResult(terminal, async () => {
      const path = `/v1/rollback?number=${number}${confirm}`
      const reloaded = await replaceSite(controlPath(values.control), path)
      if (values.json) terminal.out(JSON.stringify(reloaded, undefined, 2))
      else printReload(reloaded, terminal, 'rollback')
      return reloaded.outcome === 'swapped' ? ExitCode.fine : ExitCode.problems
    })
  },
}
