/** `slipway node add NAME`: from its MAC addresses to a Ready node. */
import { parseArgs } from 'node:util'
import { stagesOf } from '../../../cluster/evaluate/stages.ts'
import { systemClock, type Clock } from '../../../host/clock.ts'
import { nodeStates } from '../../../install/node-states.ts'
import type { NodeReport } from '../../../install/reports.ts'
import { explain, loadSiteFile } from '../../../site-file.ts'
import { addNode, type Adoption } from '../../../site/edit/add.ts'
import { macsText } from '../../../plan/model.ts'
import { formatStopwatch } from '../../../text/format.ts'
import { printable } from '../../../text/lines.ts'
import {
  askControl,
  ControlProblem,
  isRegistered,
  memberOf,
  nodeSnapshot,
  statusOfSite,
  type Goal,
  type NodeSnapshot,
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
import { controlPath, jsonRow, siteFile } from '../../target.ts'
import { requireLocal } from '../../server-options.ts'
import { printReload, reloadSite } from '../reload.ts'
import { nodeImageAdvice } from './node-image.ts'
import { createRepeatedFactFilter, decideArming, endOf, factsOf, nextSteps } from './add-progress.ts'
import { adoptionOptions, adoptionRows, readAdoption } from './adopt.ts'

const goals = ['armed', 'installed', 'ready'] as const

/** The limit of openshift-install for nodes. */
const defaultTimeoutMs = Math.max(...stagesOf('nodes-ready', []).map(({ timeoutMs }) => timeoutMs))

export const addHelp: Help = {
  usage: [
    'node add --role ROLE --mac MAC… --address ADDRESS… [--cluster CLUSTER] [--until GOAL] [--timeout TIME] [--dry-run] [--json] [--site FILE] [--control PATH] NAME',
  ],
  about: [
    'Adds a node to a running cluster and follows it until it is Ready.',
    'Writes the node into the site file ("slipway node adopt"), reloads the running slipway, arms the node if the ' +
      'site file does not (boot: local), and prints a line for each step and each problem. Run the command again to resume ' +
      'it. slipway does not arm a machine that it has seen before.',
  ],
  options: [
    [
      '--mac MAC',
      'MAC address of the interface that the node boots from; repeat it if several interfaces can boot it',
    ],
    ...adoptionRows,
    ['--until GOAL', 'armed, installed, or ready (default: ready; installed for a bootstrap)'],
    [
      '--timeout TIME',
      `limit after the node is armed, for example 90s, 45m, or 2h (default: ${formatStopwatch(defaultTimeoutMs)})`,
    ],
    jsonRow,
  ],
  exit: [
    ['0', 'the node reached the goal'],
    ['1', 'refused, or the installation failed'],
    ['2', 'invalid command line'],
    ['6', 'the time limit was reached'],
    ['8', 'interrupted; the node continues to install'],
  ],
  examples: ['node add --role worker --mac 52:54:00:00:00:24 --address 192.0.2.24 w4'],
}

/** The API can write a node into the site file, but a removal needs the cluster and the file together. */
const remoteSteps = 'with --server, use "node adopt", "reload", then "node install"'

type AddRequest = {
  readonly sitePath: string
  readonly adoption: Adoption
  readonly isDry: boolean
  readonly until: (typeof goals)[number]
  readonly timeoutMs: number
  readonly control: string
}

/** @param args the arguments after `node add` */
export async function add(args: readonly string[], terminal: Terminal, clock = systemClock): Promise<number> {
  const { values, file, ...given } = readArguments(args)
  if (!given.isDry) requireLocal(given.control, 'node add', remoteSteps)
  const request: AddRequest = { ...given, sitePath: await siteFile(values, file) }
  const { sitePath, isDry, until: goal, adoption } = request
  const facts = { node: adoption.name, file: sitePath, isDryRun: isDry, goal }
  return withJsonResult(values.json, facts, terminal, async (terminal) => {
    if (!isDry) return interruptible((signal) => addAndFollow(request, { terminal, clock, signal }))
    return (await declare(request, terminal)) === undefined ? ExitCode.problems : ExitCode.fine
  })
}

type CommandContext = { readonly terminal: Terminal; readonly clock: Clock; readonly signal: AbortSignal }

async function addAndFollow(request: AddRequest, context: CommandContext): Promise<number> {
  const { sitePath, control, until } = request
  const { terminal, clock } = context
  const startedAt = clock.now()
  const loaded = await loadSiteFile(sitePath)
  if (loaded.kind !== 'site') {
    for (const line of explain(loaded)) terminal.err(line)
    return ExitCode.problems
  }
  // Checked before anything is written: a node can only be followed while its site is served.
  const { nodes } = await statusOfSite(control, loaded.site.site)
  const declared = await declare(request, terminal)
  if (declared === undefined) return ExitCode.problems
  const { key } = declared
  const { macs, cluster } = request.adoption
  const advice = await nodeImageAdvice(loaded.site, cluster, macs)
  if (advice !== undefined)
    terminal.out(`! its image contains agent files: if they do not know ${key}, run "${advice}"`)
  if (!nodes.some((node) => node.node === key && isServed(node, request.adoption))) {
    const reloaded = await reloadSite(control)
    printReload(reloaded, terminal, 'edit')
    if (reloaded.outcome === 'kept') {
      return refuse(
        terminal,
        `${key} is in the site file; correct the file, then run this command again to resume`,
      )
    }
  }
  const snapshot = await firstSnapshot(request, key)
  const arming = decideArming(snapshot, startedAt)
  if (typeof arming !== 'string') return refuse(terminal, arming.reason)
  for (const line of warnings(snapshot, startedAt)) terminal.out(line)
  if (arming === 'arm') await askControl(control, `/v1/nodes/${key}/install`, 'POST')
  const others = othersOf(nodes, key)
  if (until !== 'armed') return follow({ ...request, goal: until, key, startedAt, others }, context)
  const { details } = await nodeSnapshot(control, key)
  const state = nodeStates[details.mode].title
  terminal.out(`${key}: ${printable(`${state}: ${details.reason}`)}`)
  for (const line of nextSteps(details, 'armed')) terminal.out(`next: ${line}`)
  return ExitCode.fine
}

/** Writes the entry, unless the file has it. Returns nothing when that was refused; the reason is printed. */
async function declare(
  { sitePath, adoption, isDry }: AddRequest,
  terminal: Terminal,
): Promise<{ key: string } | undefined> {
  const edit = { command: 'node add', sitePath, isDry, terminal }
  const adopted = await editSite(edit, (text, file) => addNode(text, file, adoption))
  if (adopted === undefined) return undefined
  const { kind, line, key } = adopted
  const isThere = kind === 'present' ? 'already ' : ''
  if (!isDry || isThere !== '') terminal.out(`${sitePath}:${line}: ${key} is ${isThere}declared`)
  return { key }
}

function isServed(node: NodeReport, { macs, role, addresses }: Adoption): boolean {
  return macsText(node) === macs.join(', ') && node.role === role && addresses.includes(node.address)
}

/** Returns the keys and full names of the other nodes of its cluster. */
function othersOf(nodes: readonly NodeReport[], key: string): string[] {
  const cluster = key.slice(0, key.indexOf('/') + 1)
  return nodes
    .filter(({ node }) => node.startsWith(cluster) && node !== key)
    .flatMap(({ node, fqdn }) => [node, fqdn])
}

async function firstSnapshot({ control, sitePath }: AddRequest, key: string): Promise<NodeSnapshot> {
  try {
    return await nodeSnapshot(control, key)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal?.status !== 404) throw error
    throw new ControlProblem(
      `the slipway at ${control} does not serve ${key}: its site file is not ${sitePath}`,
      error.refusal,
    )
  }
}

/** Returns warnings about consequences that may be unintended. */
function warnings({ details, cluster }: NodeSnapshot, startedAt: number): string[] {
  const { node, mode, since, reason } = details
  if (mode === 'installed' && since < startedAt) {
    return [
      `! ${node} was installed before (${printable(reason)}): to reinstall it, run "slipway node install ${node}"`,
    ]
  }
  if (mode !== 'install' || !isRegistered(memberOf(cluster, node))) return []
  return [
    `! its cluster already has ${node}, and its next network boot reinstalls it: to keep it, run "slipway node local ${node}"`,
  ]
}

type Following = AddRequest & {
  readonly goal: Goal
  readonly key: string
  readonly startedAt: number
  readonly others: readonly string[]
}

async function follow(
  { control, key, goal, startedAt, others, timeoutMs }: Following,
  { terminal, clock, signal }: CommandContext,
): Promise<number> {
  const print = stopwatch(terminal, clock)
  const newLines = createRepeatedFactFilter()
  let snapshot: NodeSnapshot | undefined
  print(`waiting up to ${formatStopwatch(timeoutMs)} for ${key} to be ${goal === 'ready' ? 'Ready' : goal}`)
  const ended = await pollUntil({
    async poll() {
      snapshot = await nodeSnapshot(control, key)
      for (const line of newLines(factsOf(snapshot, { goal, from: startedAt, others }))) print(line)
      return endOf(snapshot, goal)
    },
    onUnreachable: print,
    clock,
    signal,
    timeoutMs,
  })
  conclude(ended, { key, goal, details: snapshot?.details }, terminal)
  return exitCodeOf(ended)
}

type Reached = {
  readonly key: string
  readonly goal: Goal
  readonly details: NodeSnapshot['details'] | undefined
}

function conclude(ended: PollResult, { key, goal, details }: Reached, terminal: Terminal): void {
  switch (ended) {
    case 'done':
      for (const line of details === undefined ? [] : nextSteps(details, goal)) terminal.out(`next: ${line}`)
      return
    case 'late':
      terminal.err(
        `slipway node add: time limit reached before ${key} was ${goal === 'ready' ? 'Ready' : goal}`,
      )
      break
    case 'interrupted':
      terminal.err(`slipway node add: interrupted; ${key} continues to install`)
      break
    default:
      refuse(terminal, ended.reason)
      return
  }
  terminal.err(`run this command again to resume it; "slipway node show ${key}" shows all steps`)
}

function refuse(terminal: Terminal, reason: string): number {
  terminal.err(`slipway node add: ${reason}`)
  return ExitCode.problems
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...adoptionOptions,
      mac: { type: 'string', multiple: true },
      until: { type: 'string' },
      timeout: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const [given, file, ...more] = positionals
  if (given === undefined || more.length > 0) {
    throw new UsageError('expected the name of a node')
  }
  if (values.mac === undefined) throw new UsageError('--mac is missing')
  const isBootstrap = values.role === 'bootstrap'
  const until = parseGoal(values.until ?? (isBootstrap ? 'installed' : 'ready'), goals)
  if (isBootstrap && until === 'ready') {
    throw new UsageError('--until ready does not apply to a bootstrap: it never joins its cluster')
  }
  const [cluster, name] = namesOf(given, values.cluster)
  const adoption = readAdoption({ macTexts: values.mac, name, values: { ...values, cluster } })
  return {
    values,
    file,
    adoption,
    until,
    isDry: values['dry-run'],
    control: controlPath(values.control),
    timeoutMs: values.timeout === undefined ? defaultTimeoutMs : parseTimeLimit(values.timeout),
  }
}

/** Splits `w4`, or `ocp45/w4` as other commands accept it. */
function namesOf(given: string, cluster: string | undefined): [cluster: string | undefined, name: string] {
  const slash = given.indexOf('/')
  if (slash === -1) return [cluster, given]
  if (cluster !== undefined) throw new UsageError(`two clusters: ${given} and --cluster ${cluster}`)
  return [given.slice(0, slash), given.slice(slash + 1)]
}
