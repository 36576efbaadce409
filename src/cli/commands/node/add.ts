/** `slipway node add NAME SITE`: from a machine's MAC address to a Ready node, followed all the way. */
import { parseArgs } from 'node:util'
import { stagesOf } from '../../../cluster/stages.ts'
import { systemClock, type Clock } from '../../../host/clock.ts'
import { nodeStates } from '../../../install/node-states.ts'
import type { NodeReport } from '../../../install/reports.ts'
import { explain, loadSiteFile } from '../../../prepare.ts'
import { addNode, type Adoption } from '../../../site/edit/add.ts'
import { adoptionHelp, adoptionOptions, readAdoption } from './arguments.ts'
import { ExitCode, UsageError, type Terminal } from '../../command.ts'
import { askControl, controlPath, ControlProblem, sightOf, statusOfSite } from '../../client.ts'
import { interruptible, parseEnd, parseTimeLimit } from '../../time-limit.ts'
import { exitCodeOf, pollUntil, stopwatch, type PollResult } from '../../poll.ts'
import { decideArming, endOf, nextSteps } from './add-goal.ts'
import { createTeller, factsOf } from './add-progress.ts'
import { isRegistered, memberOf, type Goal, type NodeSnapshot } from '../../node-snapshot.ts'
import { reloadSite, tellReload } from '../reload.ts'
import { editSite } from '../../site-edit.ts'
import { printable } from '../../../text/printable.ts'
import { formatStopwatch } from '../../../text/duration.ts'

const ends = ['armed', 'installed', 'ready'] as const

/** As openshift-install waits for nodes. */
const defaultTimeoutMs = Math.max(...stagesOf('nodes-ready', []).map(({ timeoutMs }) => timeoutMs))

export const addUsage = `usage: slipway node add NAME --role ROLE --mac MAC --address ADDRESS… [--cluster CLUSTER]
                        [--until armed|installed|ready] [--timeout TIME] [--dry-run]
                        [--control PATH] SITE

Writes a node into SITE as node adopt does, has the running slipway read it, arms the
node where the site does not (boot: local), and follows it until its cluster says that it
is Ready: a line for each step, and for what keeps it. Given again, it goes on where it
was; a machine that slipway has seen before is not armed again by itself.

  --mac MAC           of the interface that it boots from
${adoptionHelp}
  --until END         ready, or sooner: armed, or installed, which asks no cluster and
                      is the end for a bootstrap
  --timeout TIME      90s, 45m or 2h from when it is armed (${formatStopwatch(defaultTimeoutMs)})
  --control PATH      the socket of the running slipway (SLIPWAY_CONTROL, else
                      /run/slipway/control.sock)

Exit code 0: it has come so far. 1: refused, or it failed. 2: usage. 6: not in time.
8: interrupted; what was begun goes on.`

type AddRequest = {
  readonly sitePath: string
  readonly adoption: Adoption
  readonly isDry: boolean
  readonly until: (typeof ends)[number]
  readonly timeoutMs: number
  readonly control: string
}

/** @param args what follows `node add` */
export async function add(args: readonly string[], terminal: Terminal, clock = systemClock): Promise<number> {
  const request = readArguments(args)
  if (!request.isDry) return interruptible((signal) => addAndFollow(request, { terminal, clock, signal }))
  return (await declare(request, terminal)) === undefined ? ExitCode.problems : ExitCode.fine
}

type Surroundings = { readonly terminal: Terminal; readonly clock: Clock; readonly signal: AbortSignal }

async function addAndFollow(request: AddRequest, surroundings: Surroundings): Promise<number> {
  const { sitePath, control, until } = request
  const { terminal, clock } = surroundings
  const beganAt = clock.now()
  const loaded = await loadSiteFile(sitePath)
  if (loaded.kind !== 'site') {
    for (const line of explain(loaded)) terminal.err(line)
    return ExitCode.problems
  }
  // Before anything is written: what nobody serves cannot be followed.
  const { nodes } = await statusOfSite(control, loaded.site.site)
  const declared = await declare(request, terminal)
  if (declared === undefined) return ExitCode.problems
  const { key } = declared
  if (!nodes.some((node) => node.node === key && isServed(node, request.adoption))) {
    const reloaded = await reloadSite(control)
    tellReload(reloaded, terminal)
    if (reloaded.outcome === 'kept') {
      return refuse(terminal, `${key} is written; put the site right, and the same command goes on`)
    }
  }
  const sight = await firstSight(request, key)
  const arming = decideArming(sight, beganAt)
  if (typeof arming !== 'string') return refuse(terminal, arming.reason)
  for (const line of warnings(sight, beganAt)) terminal.out(line)
  if (arming === 'arm') await askControl(control, `/v1/nodes/${key}/install`, 'POST')
  const others = othersOf(nodes, key)
  if (until !== 'armed') return follow({ ...request, goal: until, key, beganAt, others }, surroundings)
  const { story } = await sightOf(control, key)
  const state = nodeStates[story.mode].title
  terminal.out(`${key}: ${printable(`${state}: ${story.reason}`)}`)
  for (const line of nextSteps(story, 'armed')) terminal.out(`next: ${line}`)
  return ExitCode.fine
}

/** Writes the entry, unless it is there. @returns nothing when that was refused; why has been said */
async function declare(
  { sitePath, adoption, isDry }: AddRequest,
  terminal: Terminal,
): Promise<{ key: string } | undefined> {
  const edit = { command: 'node add', sitePath, isDry, terminal }
  const adopted = await editSite(edit, (text, file) => addNode(text, file, adoption))
  if (adopted === undefined) return undefined
  const { kind, line, key } = adopted
  const isThere = kind === 'present' ? ' already' : ''
  if (!isDry || isThere !== '') terminal.out(`${sitePath}:${line}: ${key} is in the site${isThere}`)
  return { key }
}

function isServed(node: NodeReport, { mac, role, addresses }: Adoption): boolean {
  return node.mac === mac && node.role === role && addresses.includes(node.address)
}

/** What the other nodes of its cluster are called by. */
function othersOf(nodes: readonly NodeReport[], key: string): string[] {
  const cluster = key.slice(0, key.indexOf('/') + 1)
  return nodes
    .filter(({ node }) => node.startsWith(cluster) && node !== key)
    .flatMap(({ node, fqdn }) => [node, fqdn])
}

async function firstSight({ control, sitePath }: AddRequest, key: string): Promise<NodeSnapshot> {
  try {
    return await sightOf(control, key)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal?.status !== 404) throw error
    throw new ControlProblem(
      `the slipway at ${control} has no ${key}: it reads another file than ${sitePath}`,
      error.refusal,
    )
  }
}

/** What a person may not have meant. */
function warnings({ story, cluster }: NodeSnapshot, beganAt: number): string[] {
  const { node, mode, since, reason } = story
  if (mode === 'installed' && since < beganAt) {
    return [
      `! ${node} was installed before (${printable(reason)}): slipway node install ${node} installs it anew`,
    ]
  }
  if (mode !== 'install' || !isRegistered(memberOf(cluster, node))) return []
  return [
    `! its cluster has ${node} already, and its next network boot installs it: slipway node local ${node} keeps it`,
  ]
}

type Following = AddRequest & {
  readonly goal: Goal
  readonly key: string
  readonly beganAt: number
  readonly others: readonly string[]
}

async function follow(
  { control, key, goal, beganAt, others, timeoutMs }: Following,
  { terminal, clock, signal }: Surroundings,
): Promise<number> {
  const say = stopwatch(terminal, clock)
  const tell = createTeller()
  let sight: NodeSnapshot | undefined
  say(`waiting up to ${formatStopwatch(timeoutMs)} for ${key} to be ${goal === 'ready' ? 'Ready' : goal}`)
  const ended = await pollUntil({
    async look() {
      sight = await sightOf(control, key)
      for (const line of tell(factsOf(sight, { goal, from: beganAt, others }))) say(line)
      return endOf(sight, goal)
    },
    onAway: say,
    ...{ clock, signal, timeoutMs },
  })
  conclude(ended, { key, goal, story: sight?.story }, terminal)
  return exitCodeOf(ended)
}

type Reached = {
  readonly key: string
  readonly goal: Goal
  readonly story: NodeSnapshot['story'] | undefined
}

function conclude(ended: PollResult, { key, goal, story }: Reached, terminal: Terminal): void {
  switch (ended) {
    case 'done':
      for (const line of story === undefined ? [] : nextSteps(story, goal)) terminal.out(`next: ${line}`)
      return
    case 'late':
      terminal.err(`slipway node add: ${key} is not ${goal === 'ready' ? 'Ready' : goal} in time`)
      break
    case 'interrupted':
      terminal.err(`slipway node add: interrupted; ${key} goes on without`)
      break
    default:
      refuse(terminal, ended.reason)
      return
  }
  terminal.err(`the same command goes on where it was; slipway node show ${key} tells the whole way`)
}

function refuse(terminal: Terminal, reason: string): number {
  terminal.err(`slipway node add: ${reason}`)
  return ExitCode.problems
}

function readArguments(args: readonly string[]): AddRequest {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...adoptionOptions,
      mac: { type: 'string' },
      until: { type: 'string' },
      timeout: { type: 'string' },
      control: { type: 'string' },
    },
  })
  const [given, sitePath, ...more] = positionals
  if (given === undefined || sitePath === undefined || more.length > 0) {
    throw new UsageError('add takes the name of a node and a site file')
  }
  if (values.mac === undefined) throw new UsageError('add takes --mac')
  const isBootstrap = values.role === 'bootstrap'
  const until = parseEnd(values.until ?? (isBootstrap ? 'installed' : 'ready'), ends)
  if (isBootstrap && until === 'ready') {
    throw new UsageError('a bootstrap is no node of its cluster: it is followed until installed')
  }
  const [cluster, name] = namesOf(given, values.cluster)
  const adoption = readAdoption({ action: 'add', macText: values.mac, name, values: { ...values, cluster } })
  return {
    ...{ sitePath, adoption, until, isDry: values['dry-run'], control: controlPath(values.control) },
    timeoutMs: values.timeout === undefined ? defaultTimeoutMs : parseTimeLimit(values.timeout),
  }
}

/** `w4`, or `ocp45/w4` as other commands call it. */
function namesOf(given: string, cluster: string | undefined): [cluster: string | undefined, name: string] {
  const slash = given.indexOf('/')
  if (slash === -1) return [cluster, given]
  if (cluster !== undefined)
    throw new UsageError(`the cluster is named twice: ${given} and --cluster ${cluster}`)
  return [given.slice(0, slash), given.slice(slash + 1)]
}
