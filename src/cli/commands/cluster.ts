/** `slipway cluster …`: where clusters stand, and whether a cluster's bootstrap is behind the load balancer. */
import { parseArgs } from 'node:util'
import type { BootstrapState } from '../../cluster/bootstrap-record.ts'
import type { ClusterStanding } from '../../cluster/report.ts'
import { bootstrapWords, statusLines } from '../text/cluster.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { askControl, controlHelp, controlOptions, controlPath } from '../client.ts'
import { toResult } from './status.ts'

const commands = ['keep', 'out', 'watch']

export const cluster: Command = {
  name: 'cluster',
  summary: 'say how far a cluster has come, or whether its bootstrap stays behind the load balancer',
  usage: `usage: slipway cluster show [CLUSTER]
       slipway cluster bootstrap keep|out|watch CLUSTER

show tells where each cluster stands, as the cluster's own API says: its stages with
when each was reached and how long it took, what is missing, certificate requests that
wait, and every declared node.

A bootstrap leaves the load balancer by itself when its cluster says that it is
complete. keep puts it back, and lets it stay; out takes it out now; watch forgets
both, and looks for the end of the bootstrap again.

${controlHelp}

Exit code 0: done. 1: refused, no such cluster, or slipway cannot be asked. 2: usage.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    const path = controlPath(values.control)
    const [what, ...names] = positionals
    if (what === 'show' && names.length < 2) {
      return toResult(terminal, () => show(path, names[0], values.json, terminal))
    }
    const [command = '', name, ...more] = names
    if (what !== 'bootstrap' || !commands.includes(command) || name === undefined || more.length > 0) {
      throw new UsageError(`cluster takes: show [CLUSTER], or bootstrap ${commands.join('|')} CLUSTER`)
    }
    return toResult(terminal, async () => {
      const request = `/v1/clusters/${encodeURIComponent(name)}/bootstrap/${command}`
      const state = await askControl<BootstrapState>(path, request, 'POST')
      const text = `${name}: its bootstrap ${bootstrapWords[state.kind]}`
      terminal.out(values.json ? JSON.stringify(state, undefined, 2) : text)
      return ExitCode.fine
    })
  },
}

async function show(
  path: string,
  name: string | undefined,
  isJson: boolean,
  terminal: Terminal,
): Promise<number> {
  const request = name === undefined ? '/v1/clusters' : `/v1/clusters/${encodeURIComponent(name)}`
  const answer = await askControl<ClusterStanding | readonly ClusterStanding[]>(path, request)
  if (isJson) {
    terminal.out(JSON.stringify(answer, undefined, 2))
    return ExitCode.fine
  }
  const standings = 'cluster' in answer ? [answer] : answer
  if (standings.length === 0) terminal.out('the site has no cluster')
  for (const [index, standing] of standings.entries()) {
    if (index > 0) terminal.out('')
    for (const line of statusLines(standing, Date.now(), terminal)) terminal.out(line)
  }
  return ExitCode.fine
}
