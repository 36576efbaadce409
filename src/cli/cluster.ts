/** `slipway cluster …`: whether a cluster's bootstrap is behind the load balancer. */
import { parseArgs } from 'node:util'
import type { BootstrapState } from '../cluster/bootstrap-record.ts'
import { ExitCode, UsageError, type Command } from './command.ts'
import { askControl, controlHelp, controlOptions, controlPath } from './control.ts'
import { orProblem } from './status.ts'

const commands = ['keep', 'out', 'watch']

const sentences: Readonly<Record<BootstrapState['kind'], string>> = {
  kept: 'its bootstrap stays behind the load balancer',
  out: 'its bootstrap is out of the load balancer',
  waiting: 'its bootstrap leaves the load balancer when it has done its work',
}

export const cluster: Command = {
  name: 'cluster',
  summary: 'say whether a bootstrap stays behind the load balancer',
  usage: `usage: slipway cluster bootstrap keep|out|watch CLUSTER

A bootstrap leaves the load balancer by itself when its cluster says that it is
complete. keep puts it back, and lets it stay; out takes it out now; watch forgets
both, and looks for the end of the bootstrap again.

${controlHelp}

Exit code 0: done. 1: refused, or slipway cannot be asked. 2: usage.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    const [what, command = '', name, ...more] = positionals
    if (what !== 'bootstrap' || !commands.includes(command) || name === undefined || more.length > 0) {
      throw new UsageError(`cluster takes: bootstrap ${commands.join('|')} CLUSTER`)
    }
    return orProblem(terminal, async () => {
      const path = `/v1/clusters/${encodeURIComponent(name)}/bootstrap/${command}`
      const state = await askControl<BootstrapState>(controlPath(values.control), path, 'POST')
      terminal.out(values.json ? JSON.stringify(state, undefined, 2) : `${name}: ${sentences[state.kind]}`)
      return ExitCode.fine
    })
  },
}
