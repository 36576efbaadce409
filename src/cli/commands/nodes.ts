/** `slipway nodes seen`: machines that asked and are not declared. */
import { parseArgs } from 'node:util'
import type { UnknownClient } from '../../serve/dhcp/unknown-clients.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { askControl, controlHelp, controlOptions, controlPath } from '../client.ts'
import { toResult } from './status.ts'
import { renderStrangers } from '../text/unknown-clients.ts'

export const nodes: Command = {
  name: 'nodes',
  summary: 'list machines that asked and are not declared',
  usage: `usage: slipway nodes seen [--json] [--control PATH]

Lists the machines that asked the running slipway for an address and are not in the
site file, those seen last first: MAC address, architecture, vendor class, how often
and when.

${controlHelp}

Exit code 0: told. 1: slipway cannot be asked. 2: usage.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length !== 1 || positionals[0] !== 'seen') throw new UsageError('nodes takes: seen')
    return toResult(terminal, async () => {
      const seen = await askControl<UnknownClient[]>(controlPath(values.control), '/v1/nodes/seen')
      if (values.json) terminal.out(JSON.stringify(seen, undefined, 2))
      else for (const line of renderStrangers(seen, Date.now())) terminal.out(line)
      return ExitCode.fine
    })
  },
}
