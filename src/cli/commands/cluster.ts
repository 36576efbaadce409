/**
 * `slipway cluster …`: shows what installing a whole cluster overwrites, then arms its nodes; and sets whether bootstraps get
 * load-balanced connections.
 */
import { parseArgs } from 'node:util'
import type { BootstrapState } from '../../cluster/records.ts'
import type { ClusterStatus, MemberReport } from '../../cluster/report.ts'
import { bootstrapTexts, statusLines, installLines, isInUse } from '../text/cluster.ts'
import { actionHelps } from '../action-help.ts'
import {
  parseRollout,
  powerTimeoutMs,
  rollOut,
  rolloutOptions,
  rolloutExit,
  rolloutRows,
  type Rollout,
} from '../power-rollout.ts'
import { interruptible } from '../poll.ts'
import { systemClock } from '../../host/clock.ts'
import { ExitCode, UsageError, type Command, type Help, type HelpRow, type Terminal } from '../command.ts'
import { toResult, askControl, clusterReport, ControlProblem, noClusterReason } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { askOnTerminal, type Ask } from '../ask.ts'
import type { NodeDetails, NodeReport } from '../../install/reports.ts'
import { didYouMean } from '../../text/nearest.ts'

const commands = ['keep', 'out', 'watch']

const bootstrapRows: readonly HelpRow[] = [
  ['keep', 'enable it again and keep it in the load balancer'],
  ['out', 'drain it now'],
  ['watch', 'undo keep and out: drain it when bootstrapping is complete'],
]

const help: Help = {
  usage: [
    'cluster [show] [--json] [--control PATH] [CLUSTER]',
    'cluster install [--yes] [--force] [--power [--at-once N] [--timeout TIME] [--resume]] [--json] [--control PATH] CLUSTER',
    'cluster bootstrap keep|out|watch [--json] [--control PATH] CLUSTER',
  ],
  about: [
    'Shows and starts the installation of a cluster, and controls its bootstrap in the load balancer.',
    'Queries the running slipway, which reads the API of each cluster. "show" prints the installation stages ' +
      'with their times, what is missing, the pending certificate requests, and every declared node.',
    'slipway drains the bootstrap automatically when its cluster reports that bootstrapping is complete.',
  ],
  lists: {
    Commands: [
      ['show', 'show the installation stages of all clusters or of one'],
      [
        'install',
        'print what the installation overwrites on each node, ask for confirmation, and arm all its nodes: their ' +
          'next network boot installs them',
      ],
      ['bootstrap', 'control the bootstrap in the load balancer'],
    ],
    'Bootstrap commands': bootstrapRows,
  },
  options: [
    ['--yes', 'install: do not ask for confirmation'],
    ['--force', 'install: also overwrite nodes that are part of the running cluster'],
    ...rolloutRows,
    controlRow,
    jsonRow,
  ],
  exit: [
    ['0', 'success'],
    ['1', 'slipway is not running, or refused the request'],
    ['2', 'invalid command line, or no such cluster'],
  ],
  examples: ['cluster show', 'cluster install ocp45', 'cluster bootstrap out ocp45'],
}

const helps = actionHelps(help, {
  show: {
    about: [
      'Shows the installation stages of all clusters, or of one.',
      'Prints the stages with their times, what is missing, the pending certificate requests, and every declared node.',
    ],
    examples: ['cluster show', 'cluster show --json ocp45'],
  },
  install: {
    hasResult: true,
    about: [
      'Arms all nodes of a cluster: their next network boot installs them.',
      'Prints what the installation overwrites on each node, and asks for confirmation.',
    ],
    exit: [
      ['0', 'success; with --power: all nodes are installed'],
      ['1', 'slipway is not running, refused the request, or a node was not installed'],
      ['2', 'invalid command line, or no such cluster'],
      ...rolloutExit,
    ],
    examples: ['cluster install ocp45'],
  },
  bootstrap: {
    about: [
      'Controls the bootstrap in the load balancer.',
      'slipway drains the bootstrap automatically when its cluster reports that bootstrapping is complete.',
    ],
    lists: { Commands: bootstrapRows },
    examples: ['cluster bootstrap out ocp45'],
  },
})

export const cluster: Command = {
  name: 'cluster',
  help,
  helps,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...controlOptions,
        yes: { type: 'boolean', default: false },
        force: { type: 'boolean', default: false },
        ...rolloutOptions,
      },
    })
    const path = controlPath(values.control)
    const [what = 'show', ...names] = positionals
    if (what === 'show' && names.length < 2) {
      return toResult(terminal, () => show(path, names[0], values.json, terminal))
    }
    if (what === 'install') {
      const [cluster, ...others] = names
      if (cluster === undefined || others.length > 0) throw new UsageError('expected the name of a cluster')
      const limits = parseRollout(values)
      const request = { cluster, control: path, isConfirmed: values.yes, isForced: values.force }
      if (values.power) {
        return toResult(terminal, () =>
          installWithPower({ ...request, ...limits, resumes: values.resume }, terminal),
        )
      }
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
  if (standings.length === 0) terminal.out(await noClusterReason(path))
  for (const [index, standing] of standings.entries()) {
    if (index > 0) terminal.out('')
    for (const line of statusLines(standing, Date.now(), terminal)) terminal.out(line)
  }
  return ExitCode.fine
}

type InstallRequest = {
  readonly cluster: string
  readonly control: string
  /** Arms without a question. */
  readonly isConfirmed: boolean
  /** Also overwrites nodes of a running cluster. */
  readonly isForced: boolean
}

export async function installCluster(
  { cluster, control, isConfirmed, isForced }: InstallRequest,
  terminal: Terminal,
  ask: Ask = askOnTerminal,
): Promise<number> {
  const nodes = await confirmNodes({ cluster, control, isConfirmed, isForced }, terminal, ask)
  if (nodes === undefined) return ExitCode.problems
  const armed = await arm(nodes, control, terminal)
  const code = armed.length === nodes.length ? ExitCode.fine : ExitCode.problems
  if (code === ExitCode.fine)
    terminal.out('next: power on the nodes; follow them with "slipway status --watch"')
  return code
}

type PowerInstall = InstallRequest & Pick<Rollout, 'atOnce' | 'timeoutMs'> & { readonly resumes: boolean }

/** Arms the nodes, then restarts them from the network through their BMCs, and follows them. */
async function installWithPower(request: PowerInstall, terminal: Terminal): Promise<number> {
  const { cluster, control, resumes, atOnce, timeoutMs } = request
  const nodes = resumes
    ? await nodesOf(cluster, control)
    : await confirmNodes(request, terminal, askOnTerminal)
  if (nodes === undefined) return ExitCode.problems
  const keys = resumes ? nodes.map(({ node }) => node) : await arm(nodes, control, terminal, '?power=false')
  if (keys.length < nodes.length) return ExitCode.problems
  const more = atOnce === 4 ? '' : ` --at-once ${atOnce}`
  const resume = `slipway cluster install --power --resume${more} ${cluster}`
  return interruptible((signal) =>
    rollOut({ control, nodes: keys, atOnce, timeoutMs, resume, clock: systemClock, signal }, terminal),
  )
}

/** @throws {UsageError} when the site does not declare the cluster */
async function nodesOf(cluster: string, control: string): Promise<readonly NodeReport[]> {
  const all = await askControl<NodeReport[]>(control, '/v1/nodes')
  const nodes = all.filter(({ node }) => node.startsWith(`${cluster}/`))
  if (nodes.length === 0) {
    const known = [...new Set(all.map(({ node }) => node.slice(0, node.indexOf('/'))))]
    throw new UsageError(`the site does not declare a cluster ${cluster}${didYouMean(cluster, known)}`)
  }
  return nodes
}

/** Shows what the installation overwrites, and asks for confirmation. @returns nothing if it must not start */
async function confirmNodes(
  { cluster, control, isConfirmed, isForced }: InstallRequest,
  terminal: Terminal,
  ask: Ask,
): Promise<readonly NodeReport[] | undefined> {
  const nodes = await nodesOf(cluster, control)
  const { members } = await clusterReport(control, cluster)
  const memberOf = new Map(members.map((member): [string, MemberReport] => [member.node, member]))
  const targets = nodes.map((node) => ({ node, member: memberOf.get(node.node) }))
  for (const line of installLines(cluster, targets, Date.now(), terminal)) terminal.out(line)
  terminal.out('')
  const inUse = targets.filter(isInUse).length
  if (inUse > 0 && !isForced) {
    terminal.err(
      `slipway cluster install: nothing was armed: ${inUse} nodes are part of the running cluster; --force overwrites them`,
    )
    return undefined
  }
  const answer = isConfirmed ? cluster : await ask(`Type the name of the cluster to arm its nodes: `)
  if (answer !== cluster) {
    const how = answer === undefined ? '; repeat the command with --yes' : ''
    terminal.err(`slipway cluster install: nothing was armed${how}`)
    return undefined
  }
  return nodes
}

/** Arms every node; one that slipway refuses does not keep the others from being armed. @returns the keys of armed nodes */
async function arm(
  nodes: readonly NodeReport[],
  control: string,
  terminal: Terminal,
  query = '',
): Promise<string[]> {
  const armed: string[] = []
  for (const { node } of nodes) {
    try {
      const { reason } = await askControl<NodeDetails>(
        control,
        `/v1/nodes/${node}/install${query}`,
        'POST',
        powerTimeoutMs,
      )
      terminal.out(`${node}: armed: ${reason}`)
      armed.push(node)
    } catch (error) {
      if (!(error instanceof ControlProblem) || error.refusal === undefined) throw error
      terminal.err(`${node}: not armed: ${error.message}`)
    }
  }
  return armed
}
