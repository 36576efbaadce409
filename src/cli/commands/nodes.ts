/** `slipway nodes seen`: machines that sent DHCP requests and are not declared. */
import { parseArgs } from 'node:util'
import type { UnknownClient } from '../../serve/dhcp/unknown-clients.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { toResult, askControl } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { unknownClientLines } from '../text/unknown-clients.ts'

export const nodes: Command = {
  name: 'nodes',
  help: {
    usage: ['nodes [seen] [--json] [--control PATH]'],
    about: [
      'Lists machines that booted but are not in the site file.',
      'Queries the running slipway for the machines that sent a DHCP request and are not declared, most recent first: ' +
        'MAC address, vendor class, architecture, last request, and number of requests.',
    ],
    options: [controlRow, jsonRow],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running, or refused the request'],
      ['2', 'invalid command line'],
    ],
    examples: ['nodes seen', 'nodes seen --json'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length > 1 || (positionals[0] ?? 'seen') !== 'seen')
      throw new UsageError('expected: seen')
    return toResult(terminal, async () => {
      const seen = await askControl<UnknownClient[]>(controlPath(values.control), '/v1/nodes/seen')
      if (values.json) terminal.out(JSON.stringify(seen, undefined, 2))
      else for (const line of unknownClientLines(seen, Date.now())) terminal.out(line)
      return ExitCode.fine
    })
  },
}
