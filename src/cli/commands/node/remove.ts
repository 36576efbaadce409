/** `slipway node remove NAME… SITE`: out of the site file, out of what is served, out of the load balancer. */
import { parseArgs } from 'node:util'
import { systemClock, type Clock } from '../../../host/clock.ts'
import { clusterDomain, reservedAddress, subnetOf } from '../../../plan/model.ts'
import { explain, loadSiteFile } from '../../../prepare.ts'
import { removeNodes } from '../../../site/edit/remove.ts'
import type { Site } from '../../../site/schema.ts'
import { chooseNode } from '../../choose-node.ts'
import { ExitCode, UsageError, type Terminal } from '../../command.ts'
import {
  askControl,
  controlPath,
  clusterReport,
  statusOfSite,
  type BalancedServer,
  type RunningStatus,
} from '../../client.ts'
import { interruptible, parseEnd, parseTimeLimit } from '../../time-limit.ts'
import { exitCodeOf, pollUntil, stopwatch, type PollResult } from '../../poll.ts'
import { memberOf } from '../../node-snapshot.ts'
import { reloadSite, tellReload } from '../reload.ts'
import { manualSteps, removalBlockers, type Leaver } from './removal-blockers.ts'
import { createFarewell } from './drain-progress.ts'
import { editSite } from '../../site-edit.ts'
import { formatStopwatch } from '../../../text/duration.ts'

const ends = ['reloaded', 'drained'] as const

/** The load balancer lets go of whoever leaves after an hour at the latest. */
const defaultTimeoutMs = 65 * 60_000

export const removeUsage = `usage: slipway node remove NAME… [--until reloaded|drained] [--timeout TIME] [--force]
                           [--dry-run] [--control PATH] SITE

Takes nodes out of SITE: their lines, what stands behind an entry on its line, and a
comment right above that begins with the node's name and names no other; every other
character stays as it is. Has the running slipway read it, follows how the nodes lose
their connections in the load balancer, and says what is left to do by hand: pods are not
moved, and machines not switched off.

Refused without --force, because a cluster that lives may not survive it: a master, unless
its cluster says that it has it no more; and a node without which nobody is up in one of
its back ends. A bootstrap may go as soon as the masters are up.

  --until END      drained, or sooner: reloaded
  --timeout TIME   90s, 45m or 2h (${formatStopwatch(defaultTimeoutMs)})
  --force          take them out all the same
  --dry-run        print what would change, and do nothing
  --control PATH   the socket of the running slipway (SLIPWAY_CONTROL, else
                   /run/slipway/control.sock)

Exit code 0: done. 1: refused, or nobody sees how they leave. 2: usage, or no such node.
6: not in time. 8: interrupted; what was begun goes on.`

type RemoveRequest = {
  readonly sitePath: string
  readonly names: readonly string[]
  readonly isDry: boolean
  readonly isForced: boolean
  readonly until: (typeof ends)[number]
  readonly timeoutMs: number
  readonly control: string
}

type Surroundings = { readonly terminal: Terminal; readonly clock: Clock; readonly signal: AbortSignal }

/** @param args what follows `node remove` */
export async function remove(
  args: readonly string[],
  terminal: Terminal,
  clock = systemClock,
): Promise<number> {
  const request = readArguments(args)
  const loaded = await loadSiteFile(request.sitePath)
  if (loaded.kind !== 'site') {
    for (const line of explain(loaded)) terminal.err(line)
    return ExitCode.problems
  }
  const { site } = loaded
  if (!request.isDry) {
    return interruptible((signal) => removeFrom(site, request, { terminal, clock, signal }))
  }
  const keys = keysOf(request.names, site, [])
  return (await takeOut(request, keys, terminal)) ? ExitCode.fine : ExitCode.problems
}

async function removeFrom(site: Site, request: RemoveRequest, surroundings: Surroundings): Promise<number> {
  const { control, isForced, until } = request
  const { terminal } = surroundings
  // Before anything is written: who cannot be asked cannot let go of anybody.
  const { haproxy } = await statusOfSite(control, site.site)
  const servers = haproxy?.servers ?? []
  const leaving = servers.filter(({ isLeaving }) => isLeaving).map(({ node }) => node)
  const keys = keysOf(request.names, site, leaving)
  const leavers = await leaversOf(site, keys, control)
  const against = isForced ? [] : removalBlockers(leavers, servers)
  for (const reason of against) refuse(terminal, reason)
  if (against.length > 0) return refuse(terminal, 'nothing is changed; --force takes them out all the same')
  if (leavers.length > 0) {
    const present = leavers.map(({ key }) => key)
    if (!(await takeOut(request, present, terminal))) return ExitCode.problems
    const reloaded = await reloadSite(control)
    tellReload(reloaded, terminal)
    if (reloaded.outcome === 'kept') {
      return refuse(terminal, 'the nodes are served until the site is put right: slipway reload')
    }
  }
  const ended = until === 'drained' ? await follow(request, { keys, servers }, surroundings) : 'done'
  if (ended === 'late') refuse(terminal, 'connections are left: slipway status shows them')
  else if (ended === 'interrupted') refuse(terminal, 'interrupted; the load balancer goes on without')
  else if (ended !== 'done') refuse(terminal, ended.reason)
  for (const line of leavers.flatMap(manualSteps)) terminal.out(`left to do: ${line}`)
  return exitCodeOf(ended)
}

/** @param leaving keys of nodes that are out of the site already, and not yet out of the load balancer */
function keysOf(names: readonly string[], { clusters }: Site, leaving: readonly string[]): string[] {
  const declared = clusters.flatMap((cluster) => cluster.nodes.map(({ name }) => `${cluster.name}/${name}`))
  const nodes = [...new Set([...declared, ...leaving])].map((key) => ({
    key,
    name: key.slice(key.indexOf('/') + 1),
  }))
  return [...new Set(names.map((name) => chooseNode({ nodes }, name.toLowerCase()).key))]
}

/** Of those that the site has. */
async function leaversOf(site: Site, keys: readonly string[], control: string): Promise<Leaver[]> {
  const leavers: Leaver[] = []
  for (const cluster of site.clusters) {
    const own = cluster.nodes.filter(({ name }) => keys.includes(`${cluster.name}/${name}`))
    if (own.length === 0) continue
    const report = await clusterReport(control, cluster.name)
    for (const node of own) {
      const key = `${cluster.name}/${node.name}`
      const address = reservedAddress(node)
      const subnet = address === undefined ? undefined : subnetOf(site, address)
      leavers.push({
        ...{ key, role: node.role, fqdn: `${node.name}.${clusterDomain(cluster)}` },
        leaseSeconds: subnet?.dhcp === 'full' ? subnet.leaseSeconds : undefined,
        member: memberOf(report, key),
      })
    }
  }
  return leavers
}

/** Out of the site file. @returns whether they are; why not has been said */
async function takeOut(
  { sitePath, isDry }: RemoveRequest,
  keys: readonly string[],
  terminal: Terminal,
): Promise<boolean> {
  const edit = { command: 'node remove', sitePath, isDry, terminal }
  const removed = await editSite(edit, (text, file) => removeNodes(text, file, keys))
  for (const { key, line } of isDry ? [] : (removed?.nodes ?? [])) {
    terminal.out(`${sitePath}:${line}: ${key} is out of the site`)
  }
  return removed !== undefined
}

async function follow(
  { control, timeoutMs }: RemoveRequest,
  before: { readonly keys: readonly string[]; readonly servers: readonly BalancedServer[] },
  { terminal, clock, signal }: Surroundings,
): Promise<PollResult> {
  const { keys, servers } = before
  const say = stopwatch(terminal, clock)
  const farewell = createFarewell(keys, servers)
  say(`waiting up to ${formatStopwatch(timeoutMs)} for the load balancer to let go of ${keys.join(', ')}`)
  return pollUntil({
    async look() {
      const { haproxy } = await askControl<RunningStatus>(control, '/v1/status')
      const { lines, end } = farewell(haproxy, clock.monotonic())
      for (const line of lines) say(line)
      return end
    },
    onAway: say,
    ...{ clock, signal, timeoutMs },
  })
}

function refuse(terminal: Terminal, reason: string): number {
  terminal.err(`slipway node remove: ${reason}`)
  return ExitCode.problems
}

function readArguments(args: readonly string[]): RemoveRequest {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      until: { type: 'string', default: 'drained' },
      timeout: { type: 'string' },
      force: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      control: { type: 'string' },
    },
  })
  const sitePath = positionals.at(-1)
  const names = positionals.slice(0, -1)
  if (sitePath === undefined || names.length === 0) {
    throw new UsageError('remove takes the names of nodes and a site file')
  }
  const until = parseEnd(values.until, ends)
  return {
    ...{ sitePath, names, until, isDry: values['dry-run'], isForced: values.force },
    timeoutMs: values.timeout === undefined ? defaultTimeoutMs : parseTimeLimit(values.timeout),
    control: controlPath(values.control),
  }
}
