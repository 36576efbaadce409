/** `slipway csr list`: certificate signing requests that slipway leaves pending, and why. */
import { parseArgs } from 'node:util'
import type { PendingCsrs } from '../../cluster/csr/approver.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { toResult, askControl } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { csrLines } from '../text/csr.ts'

export const csr: Command = {
  name: 'csr',
  help: {
    usage: ['csr [list] [--json] [--control PATH]'],
    about: [
      'Lists pending certificate signing requests and why slipway does not approve them.',
      'Queries the running slipway for every cluster with "approve: declared" or "approve: dry-run", oldest request first. ' +
        'Approve one by hand with "oc adm certificate approve NAME".',
    ],
    options: [controlRow, jsonRow],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running, or refused the request'],
      ['2', 'invalid command line'],
    ],
    examples: ['csr list', 'csr list --json'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length > 1 || (positionals[0] ?? 'list') !== 'list')
      throw new UsageError('expected: list')
    return toResult(terminal, async () => {
      const clusters = await askControl<PendingCsrs[]>(controlPath(values.control), '/v1/csrs')
      if (values.json) terminal.out(JSON.stringify(clusters, undefined, 2))
      else for (const line of csrLines(clusters, Date.now(), terminal)) terminal.out(line)
      return ExitCode.fine
    })
  },
}
