/** `slipway csr list`: certificate requests that the clusters' approvers left pending, and why. */
import { parseArgs } from 'node:util'
import type { PendingCsrs } from '../../cluster/csr/approver.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { askControl, controlHelp, controlOptions, controlPath } from '../client.ts'
import { csrLines } from '../text/csr.ts'
import { toResult } from './status.ts'

export const csr: Command = {
  name: 'csr',
  summary: 'list certificate requests of clusters that are left pending, and why',
  usage: `usage: slipway csr list [--json] [--control PATH]

Lists the undecided certificate requests of every cluster with approve: declared or
dry-run, oldest first: who asks, since when, and why slipway does not approve it.
oc adm certificate approve NAME approves one by hand.

${controlHelp}

Exit code 0: told. 1: slipway cannot be asked. 2: usage.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length !== 1 || positionals[0] !== 'list') throw new UsageError('csr takes: list')
    return toResult(terminal, async () => {
      const clusters = await askControl<PendingCsrs[]>(controlPath(values.control), '/v1/csrs')
      if (values.json) terminal.out(JSON.stringify(clusters, undefined, 2))
      else for (const line of csrLines(clusters, Date.now(), terminal)) terminal.out(line)
      return ExitCode.fine
    })
  },
}
