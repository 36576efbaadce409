/** `slipway node add NAME`: from its MAC addresses to a Ready node. */
import { parseArgs } from 'node:util'
import { stagesOf } from '../../../cluster/evaluate/stages.ts'
import { systemClock, type Clock } from '../../../host/clock.ts'
import { nodeStates } from '../../../install/node-states.ts'
import type { NodeReport } from '../../../install/reports.ts'
import type { Adoption } from '../../../site/edit/add.ts'
import { macsText } from '../../../plan/model.ts'
import { formatStopwatch } from '../../../text/format.ts'
import { printable } from '../../../text/lines.ts'
import {
  askControl,
  ControlProblem,
  isRegistered,
  memberOf,
  nodeSnapshot,
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
import { withJsonResult } from '../../json-result.ts'
import { controlPath, editedFile, jsonRow } from '../../target.ts'
import { printReload, reloadSite } from '../reload.ts'
import { createRepeatedFactFilter, decideArming, endOf, factsOf, nextSteps } from './add-progress.ts'
import { localTarget, serverTarget, type AdditionTarget } from './addition-target.ts'
import { adoptedDisk } from './adopted-disk.ts'
import { adoptionOptions, adoptionRows, readAdoption } from './adopt.ts'

const goals = ['armed', 'installed', 'ready'] as const

/** The limit of openshift-install for nodes. */
const defaultTimeoutMs = Math.max(...stagesOf('nodes-ready', []).map(({ timeoutMs }) => timeoutMs))

export const addHelp: Help = {
  usage: [
    'node add --role ROLE --mac MAC… --address ADDRESS… [--cluster CLUSTER] [--disk DISK] [--until GOAL] [--timeout TIME] [--dry-run] [--json] [--site FILE] [--control PATH] NAME',
    'node add --mac MAC… --address ADDRESS… [--disk DISK] [--until GOAL] [--timeout TIME] [--dry-run] [--json] [--site FILE] [--control PATH] GROUP/NAME',
  ],
  about: [
    'Adds a node to a running cluster, or a machine to a group, and follows it until it is Ready or installed.',
    'Writes the node into the site file ("slipway node adopt"), reloads the running slipway, arms the node if the ' +
      'site file does not (boot: local), and prints a line for each step and each problem. Run the command again to resume ' +
      'it. slipway does not arm a machine that it has seen before.',
    'With --server, the command changes the site file of the server, which needs a token with the scope admin.',
  ],
  options: [
    [
      '--mac MAC',
      'MAC address of the interface that the node boots from; repeat it if several interfaces can boot it',
    ],
    ...adoptionRows,
    [
      '--until GOAL',
      'armed, installed, or ready (default: ready; installed for a bootstrap and for machines of groups)',
    ],
    [
      '--timeout TIME',
      `limit after the node is armed, for example 90s, 45m, or 2h (default: ${defaultTimeoutMs / 60_000}m)`,
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
  examples: [
    'node add --role worker --mac 52:54:00:00:00:24 --address 192.0.2.24 w4',
    'node add --mac 52:54:00:00:00:25 --address 192.0.2.25 web/web3',
  ],
}

type AddRequest = {
  readonly adoption: Adoption
  readonly until: (typeof goals)[number]
  readonly timeoutMs: number
  readonly control: string
}

/** @param args the arguments after `node add` */
export async function add(args: readonly string[], terminal: Terminal, clock = systemClock): Promise<number> {
  const { values, file, isDry, ...request } = readArguments(args)
  const { control, until: goal } = request
  const sitePath = await editedFile('node add', { ...values, file, isDry })
  const facts = { node: request.adoption.name, file: sitePath, isDryRun: isDry, goal }
  return withJsonResult(values.json, facts, terminal, async (terminal) => {
    const disk = await adoptedDisk(values.disk, request.adoption.macs, control)
    const adoption = { ...request.adoption, disk }
    const options = { command: 'node add', adoption, control, terminal }
    const target =
      sitePath === undefined
        ? serverTarget({ ...options, onFile: (path) => void (facts.file = path) })
        : localTarget(sitePath, options)
    if (isDry) return (await target.preview()) ? ExitCode.fine : ExitCode.problems
    return interruptible((signal) =>
      addAndFollow({ ...request, adoption }, target, { terminal, clock, signal }),
    )
  })
}

type CommandContext = { readonly terminal: Terminal; readonly clock: Clock; readonly signal: AbortSignal }

async function addAndFollow(
  request: AddRequest,
  target: AdditionTarget,
  context: CommandContext,
): Promise<number> {
  const { control, until } = request
  const { terminal, clock } = context
  const startedAt = clock.now()
  // Before anything is written: a node can only be followed while its site is served.
  const served = await target.served()
  if (served === undefined) return ExitCode.problems
  const { nodes } = served
  const declared = await target.declare()
  if (declared === undefined) return ExitCode.problems
  const { key, file, imageCommand } = declared
  if (imageCommand !== undefined)
    terminal.out(`! its image contains agent files: if they do not know ${key}, run "${imageCommand}"`)
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
  const snapshot = await firstSnapshot(control, file, key)
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

function isServed(node: NodeReport, { macs, role, addresses }: Adoption): boolean {
  const isOfRole = role === undefined || node.role === role
  return macsText(node) === macs.join(', ') && isOfRole && addresses.includes(node.address)
}

/** Returns the keys and full names of the other nodes of its cluster. */
function othersOf(nodes: readonly NodeReport[], key: string): string[] {
  const cluster = key.slice(0, key.indexOf('/') + 1)
  return nodes
    .filter(({ node }) => node.startsWith(cluster) && node !== key)
    .flatMap(({ node, fqdn }) => [node, fqdn])
}

async function firstSnapshot(control: string, file: string, key: string): Promise<NodeSnapshot> {
  try {
    return await nodeSnapshot(control, key)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal?.status !== 404) throw error
    throw new ControlProblem(
      `the slipway at ${control} does not serve ${key}: its site file is not ${file}; name its site file with --site, or its socket with --control`,
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
  const { name, ...owner } = namesOf(given, values)
  const adoption = readAdoption({ macTexts: values.mac, name, values: { ...values, ...owner } })
  const { role } = adoption
  const neverJoins = role === undefined || role === 'bootstrap'
  const until = parseGoal(values.until ?? (neverJoins ? 'installed' : 'ready'), goals)
  if (neverJoins && until === 'ready') {
    const what = role === undefined ? 'a machine of a group' : 'a bootstrap'
    throw new UsageError(`--until ready does not apply to ${what}: it never joins a cluster`)
  }
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

type OwnerValues = { readonly role?: string; readonly cluster?: string; readonly group?: string }

/** Splits `w4`, `ocp45/w4`, or without a role `web/web3` of a group, as other commands accept it. */
function namesOf(
  given: string,
  { role, cluster, group }: OwnerValues,
): Pick<OwnerValues, 'cluster' | 'group'> & { readonly name: string } {
  const slash = given.indexOf('/')
  if (slash === -1) return { name: given }
  if (cluster !== undefined) throw new UsageError(`two clusters: ${given} and --cluster ${cluster}`)
  if (group !== undefined) throw new UsageError(`two groups: ${given} and --group ${group}`)
  const [owner, name] = [given.slice(0, slash), given.slice(slash + 1)]
  return role === undefined ? { group: owner, name } : { cluster: owner, name }
}
