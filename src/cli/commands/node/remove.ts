/** `slipway node remove NAME…`: removes nodes from the site file, from the active plan, and from the load balancer. */
import { parseArgs } from 'node:util'
import type { MemberReport } from '../../../cluster/report.ts'
import { systemClock, type Clock } from '../../../host/clock.ts'
import { reservedAddress, subnetOf } from '../../../plan/model.ts'
import { explain, loadSiteFile } from '../../../site-file.ts'
import { nodeFqdn } from '../../../site/declared.ts'
import { removeNodes } from '../../../site/edit/remove.ts'
import type { Role, Site } from '../../../site/schema.ts'
import { formatDuration, formatStopwatch } from '../../../text/format.ts'
import {
  askControl,
  clusterReport,
  ControlProblem,
  memberOf,
  statusOfSite,
  type BalancedServer,
  type RunningStatus,
} from '../../client.ts'
import { ExitCode, UsageError, type Help, type Terminal } from '../../command.ts'
import {
  exitCodeOf,
  interruptible,
  parseGoal,
  parseTimeLimit,
  pollUntil,
  stopwatch,
  type PollResult,
} from '../../poll.ts'
import { editSite } from '../../site-edit.ts'
import { withJsonResult } from '../../json-result.ts'
import { chooseNode, controlPath, jsonRow, siteFile, siteOptions, siteRows, splitSite } from '../../target.ts'
import { requireLocal } from '../../server-options.ts'
import { printReload, reloadSite } from '../reload.ts'
import { createDrainProgress } from './drain-progress.ts'

const goals = ['reloaded', 'drained'] as const

/** Longer than HAProxy drains a server (one hour). */
const defaultTimeoutMs = 65 * 60_000

export const removeHelp: Help = {
  usage: [
    'node remove [--until GOAL] [--timeout TIME] [--force] [--dry-run] [--json] [--site FILE] [--control PATH] NAME…',
  ],
  about: [
    'Removes nodes from the site file and from the load balancer.',
    'Deletes the entry of each node, and the comment directly above it if that comment starts with the name of the ' +
      'node. No other character changes. Then it reloads the running slipway, waits until HAProxy has drained the servers of the ' +
      'nodes, and prints the remaining manual steps. It neither drains pods nor powers off machines.',
    'Without --force, slipway refuses what can break a running cluster: removing a control-plane node that its ' +
      'cluster still has, or the last server that is up in a backend. A bootstrap can be removed as soon as the control plane is up.',
  ],
  options: [
    ['--until GOAL', 'reloaded, or drained (default: drained)'],
    ['--timeout TIME', `for example 90s, 45m, or 2h (default: ${formatStopwatch(defaultTimeoutMs)})`],
    ['--force', 'remove the nodes even if this can break a cluster'],
    ['--dry-run', 'print the change as a diff, and change nothing'],
    ...siteRows,
    jsonRow,
  ],
  exit: [
    ['0', 'success'],
    ['1', 'refused, or draining could not be verified'],
    ['2', 'invalid command line, or no such node'],
    ['6', 'the time limit was reached'],
    ['8', 'interrupted; HAProxy continues to drain: "slipway status" shows the connections'],
  ],
  examples: ['node remove w4', 'node remove --dry-run w4 w5'],
}

type RemoveRequest = {
  readonly sitePath: string
  readonly names: readonly string[]
  readonly isDry: boolean
  readonly isForced: boolean
  readonly until: (typeof goals)[number]
  readonly timeoutMs: number
  readonly control: string
}

type CommandContext = { readonly terminal: Terminal; readonly clock: Clock; readonly signal: AbortSignal }

/** @param args the arguments after `node remove` */
export async function remove(
  args: readonly string[],
  terminal: Terminal,
  clock = systemClock,
): Promise<number> {
  const { values, file, ...given } = readArguments(args)
  if (!given.isDry) requireLocal(given.control, 'node remove')
  const request: RemoveRequest = { ...given, sitePath: await siteFile(values, file) }
  const { sitePath, isDry, until: goal, names } = request
  const facts = { nodes: names, file: sitePath, isDryRun: isDry, goal }
  return withJsonResult(values.json, facts, terminal, (terminal) => removeNamed(request, terminal, clock))
}

async function removeNamed(request: RemoveRequest, terminal: Terminal, clock: Clock): Promise<number> {
  const loaded = await loadSiteFile(request.sitePath)
  if (loaded.kind !== 'site') {
    for (const line of explain(loaded)) terminal.err(line)
    return ExitCode.problems
  }
  const { site } = loaded
  if (!request.isDry) {
    return interruptible((signal) => removeFrom(site, request, { terminal, clock, signal }))
  }
  return previewRemoval(site, request, terminal)
}

/** Prints the change of the site file, and why the removal would be refused. */
async function previewRemoval(site: Site, request: RemoveRequest, terminal: Terminal): Promise<number> {
  const { control, isForced, names } = request
  const keys = keysOf(names, site, [])
  if (!(await undeclare(request, keys, terminal))) return ExitCode.problems
  try {
    const { haproxy } = await statusOfSite(control, site.site)
    const nodes = await describeNodes(site, keys, control)
    const blockers = isForced ? [] : removalBlockers(nodes, haproxy?.servers ?? [])
    for (const reason of blockers) refuse(terminal, reason)
    return blockers.length === 0 ? ExitCode.fine : refuse(terminal, 'add --force to remove them anyway')
  } catch (error) {
    if (!(error instanceof ControlProblem)) throw error
    // The change of the file is useful without slipway, the removal is not possible.
    terminal.err(`slipway node remove: not checked against the cluster: ${error.message}`)
    return ExitCode.fine
  }
}

async function removeFrom(site: Site, request: RemoveRequest, context: CommandContext): Promise<number> {
  const { control, isForced, until } = request
  const { terminal } = context
  // Checked before anything is written: without the running slipway no server can be drained.
  const { haproxy } = await statusOfSite(control, site.site)
  const servers = haproxy?.servers ?? []
  const draining = servers.filter(({ isLeaving }) => isLeaving).map(({ node }) => node)
  const keys = keysOf(request.names, site, draining)
  const nodes = await describeNodes(site, keys, control)
  const blockers = isForced ? [] : removalBlockers(nodes, servers)
  for (const reason of blockers) refuse(terminal, reason)
  if (blockers.length > 0) return refuse(terminal, 'nothing was changed; --force removes them anyway')
  if (nodes.length > 0) {
    const present = nodes.map(({ key }) => key)
    if (!(await undeclare(request, present, terminal))) return ExitCode.problems
    const reloaded = await reloadSite(control)
    printReload(reloaded, terminal, 'edit')
    if (reloaded.outcome === 'kept') {
      return refuse(terminal, 'the nodes are still served; correct the site file, then run "slipway reload"')
    }
  }
  const ended = until === 'drained' ? await follow(request, { keys, servers }, context) : 'done'
  if (ended === 'late')
    refuse(terminal, 'time limit reached with connections left; "slipway status" shows them')
  else if (ended === 'interrupted') refuse(terminal, 'interrupted; HAProxy continues to drain')
  else if (ended !== 'done') refuse(terminal, ended.reason)
  for (const line of nodes.flatMap(manualSteps)) terminal.out(`left to do: ${line}`)
  return exitCodeOf(ended)
}

/** @param draining keys of nodes that are removed from the site but not yet drained */
function keysOf(names: readonly string[], { clusters }: Site, draining: readonly string[]): string[] {
  const declared = clusters.flatMap((cluster) => cluster.nodes.map(({ name }) => `${cluster.name}/${name}`))
  const nodes = [...new Set([...declared, ...draining])].map((key) => ({
    key,
    name: key.slice(key.indexOf('/') + 1),
  }))
  return [...new Set(names.map((name) => chooseNode({ nodes }, name.toLowerCase()).key))]
}

/** Describes those of the nodes that the site declares. */
async function describeNodes(site: Site, keys: readonly string[], control: string): Promise<RemovedNode[]> {
  const nodes: RemovedNode[] = []
  for (const cluster of site.clusters) {
    const own = cluster.nodes.filter(({ name }) => keys.includes(`${cluster.name}/${name}`))
    if (own.length === 0) continue
    const report = await clusterReport(control, cluster.name)
    for (const node of own) {
      const key = `${cluster.name}/${node.name}`
      const address = reservedAddress(node)
      const subnet = address === undefined ? undefined : subnetOf(site, address)
      nodes.push({
        key,
        role: node.role,
        fqdn: nodeFqdn(cluster, node),
        leaseSeconds: subnet?.dhcp === 'full' ? subnet.leaseSeconds : undefined,
        member: memberOf(report, key),
      })
    }
  }
  return nodes
}

/** Removes the nodes from the site file. Returns whether it did; the reason for a refusal is printed. */
async function undeclare(
  { sitePath, isDry }: RemoveRequest,
  keys: readonly string[],
  terminal: Terminal,
): Promise<boolean> {
  const edit = { command: 'node remove', sitePath, isDry, terminal }
  const removed = await editSite(edit, (text, file) => removeNodes(text, file, keys))
  for (const { key, line } of isDry ? [] : (removed?.nodes ?? [])) {
    terminal.out(`${sitePath}:${line}: ${key} removed`)
  }
  return removed !== undefined
}

async function follow(
  { control, timeoutMs }: RemoveRequest,
  before: { readonly keys: readonly string[]; readonly servers: readonly BalancedServer[] },
  { terminal, clock, signal }: CommandContext,
): Promise<PollResult> {
  const { keys, servers } = before
  const print = stopwatch(terminal, clock)
  const drainProgress = createDrainProgress(keys, servers)
  print(`waiting up to ${formatStopwatch(timeoutMs)} for HAProxy to drain ${keys.join(', ')}`)
  return pollUntil({
    async poll() {
      const { haproxy } = await askControl<RunningStatus>(control, '/v1/status')
      const { lines, end } = drainProgress(haproxy, clock.monotonic())
      for (const line of lines) print(line)
      return end
    },
    onUnreachable: print,
    clock,
    signal,
    timeoutMs,
  })
}

function refuse(terminal: Terminal, reason: string): number {
  terminal.err(`slipway node remove: ${reason}`)
  return ExitCode.problems
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      until: { type: 'string', default: 'drained' },
      timeout: { type: 'string' },
      force: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      ...siteOptions,
    },
  })
  const { names, file } = splitSite(positionals, values)
  if (names.length === 0) throw new UsageError('expected the name of a node')
  const until = parseGoal(values.until, goals)
  return {
    values,
    file,
    names,
    until,
    isDry: values['dry-run'],
    isForced: values.force,
    timeoutMs: values.timeout === undefined ? defaultTimeoutMs : parseTimeLimit(values.timeout),
    control: controlPath(values.control),
  }
}

// Reasons not to remove nodes of a running cluster, and what is left to do by hand after their removal. Pure.

export type RemovedNode = {
  readonly key: string
  readonly role: Role
  readonly fqdn: string
  /** Lease time of its address; undefined where another server runs DHCP. */
  readonly leaseSeconds: number | undefined
  readonly member: MemberReport
}

/** Returns the reasons why only `--force` removes the nodes. */
export function removalBlockers(nodes: readonly RemovedNode[], servers: readonly BalancedServer[]): string[] {
  const keys = new Set(nodes.map(({ key }) => key))
  const held = nodes
    .filter(({ role, member }) => hasEtcdMember(role) && member.state !== 'absent')
    .map(({ key, member }) => {
      const known =
        member.state === 'unknown' ? 'its state in the cluster is unknown' : 'its cluster still has it'
      return `${key} is a control-plane node, and ${known}: without it etcd can lose its quorum`
    })
  const backends = new Set(
    servers.filter(({ node, isUp }) => isUp && keys.has(node)).map((each) => each.backend),
  )
  const last = [...backends]
    .filter(
      (backend) => !servers.some((each) => each.backend === backend && each.isUp && !keys.has(each.node)),
    )
    .map((backend) => `no other server of ${backend} is up`)
  return [...held, ...last]
}

/** Returns the steps that slipway does not take: the site only identifies machines on the network. */
export function manualSteps({ key, role, fqdn, leaseSeconds, member }: RemovedNode): string[] {
  const lease =
    leaseSeconds === undefined
      ? ''
      : `: it keeps its address for up to ${formatDuration(leaseSeconds * 1000)}`
  const off = `power off ${key}${lease}`
  if (role === 'bootstrap' || member.state === 'absent') return [off]
  return [
    ...(hasEtcdMember(role) ? [`remove the etcd member of ${key} before anything else`] : []),
    `oc adm drain ${fqdn} --ignore-daemonsets --delete-emptydir-data`,
    off,
    `oc delete node ${fqdn}`,
  ]
}

function hasEtcdMember(role: Role): boolean {
  return role === 'master' || role === 'arbiter' || role === 'single'
}
