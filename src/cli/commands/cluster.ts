/** `slipway cluster …`: the installation of clusters, and their bootstraps in the load balancer. */
import { parseArgs } from 'node:util'
import type { BootstrapState } from '../../cluster/records.ts'
import type { ClusterStatus } from '../../cluster/report.ts'
import { installCluster } from './cluster-install.ts'
import { bootstrapTexts, statusLines } from '../text/cluster.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { toResult, askControl } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'

const commands = ['keep', 'out', 'watch']

export const cluster: Command = {
  name: 'cluster',
  help: {
    usage: [
      'cluster [show] [--json] [--control PATH] [CLUSTER]',
      'cluster install [--yes] [--force] [--control PATH] CLUSTER',
      'cluster bootstrap keep|out|watch [--json] [--control PATH] CLUSTER',
    ],
    about: [
      'Shows and starts the installation of a cluster, and controls its bootstrap in the load balancer.',
      'Queries the running slipway, which reads the API of each cluster. "show" prints the installation stages, when ' +
        'each was reached and how long it took, what is missing, pending certificate requests, and every declared node.',
      'slipway drains the bootstrap automatically when its cluster reports that bootstrapping is complete.',
    ],
    lists: {
      Commands: [
        ['show', 'show the installation stages of all clusters or of one'],
        [
          'install',
          'print what installing the cluster overwrites on each node, ask for confirmation, and arm all its nodes: their ' +
            'next network boot installs them',
        ],
        ['bootstrap', 'control the bootstrap in the load balancer'],
      ],
      'Bootstrap commands': [
        ['keep', 'enable it again and keep it in the load balancer'],
        ['out', 'drain it now'],
        ['watch', 'undo keep and out: drain it when bootstrapping is complete'],
      ],
    },
    options: [
      ['--yes', 'install: do not ask for confirmation'],
      ['--force', 'install: also overwrite nodes that are part of the running cluster'],
      controlRow,
      jsonRow,
    ],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running, or does not have this cluster'],
      ['2', 'invalid command line'],
    ],
    examples: ['cluster show', 'cluster install ocp45', 'cluster bootstrap out ocp45'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...controlOptions,
        yes: { type: 'boolean', default: false },
        force: { type: 'boolean', default: false },
      },
    })
    const path = controlPath(values.control)
    const [what = 'show', ...names] = positionals
    if (what === 'show' && names.length < 2) {
      return toResult(terminal, () => show(path, names[0], values.json, terminal))
    }
    if (what === 'install') {
      const [cluster, ...others] = names
      if (cluster === undefined || others.length > 0)
        throw new UsageError('install: expected the name of a cluster')
      const request = { cluster, control: path, isConfirmed: values.yes, isForced: values.force }
      return toResult(terminal, () => installCluster(request, terminal))
    }
    const [command = '', name, ...more] = names
    if (what !== 'bootstrap' || !commands.includes(command) || name === undefined || more.length > 0) {
      throw new UsageError(
        `expected show [CLUSTER], install CLUSTER, or bootstrap ${commands.join('|')} CLUSTER`,
      )
    }
    return toResult(terminal, async () => {
      const request = `/v1/clusters/${encodeURIComponent(name)}/bootstrap/${command}`
      const state = await askControl<BootstrapState>(path, request, 'POST')
      const text = `${name}: bootstrap ${bootstrapTexts[state.kind]}`
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
  const answer = await askControl<ClusterStatus | readonly ClusterStatus[]>(path, request)
  if (isJson) {
    terminal.out(JSON.stringify(answer, undefined, 2))
    return ExitCode.fine
  }
  const standings = 'cluster' in answer ? [answer] : answer
  if (standings.length === 0) terminal.out('the site does not declare a cluster')
  for (const [index, standing] of standings.entries()) {
    if (index > 0) terminal.out('')
    for (const line of statusLines(standing, Date.now(), terminal)) terminal.out(line)
  }
  return ExitCode.fine
}
