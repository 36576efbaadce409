/** `slipway node remove NAME…`: removes nodes from the site file, from the active plan, and from the load balancer. */
import { parseArgs } from 'node:util'
import { systemClock, type Clock } from '../../../host/clock.ts'
import { formatStopwatch } from '../../../text/format.ts'
import { askControl, type BalancedServer, type RunningStatus } from '../../client.ts'
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
import { controlPath, editedFile, jsonRow, siteOptions, siteRows, splitSite } from '../../target.ts'
import { printReload, reloadSite } from '../reload.ts'
import { createDrainProgress } from './drain-progress.ts'
import { localSource, serverSource, type RemovalSource } from './removal-source.ts'

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
    'With --server, the command changes the site file of the server, which needs a token with the scope admin.',
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
  const { values, file, names, isDry, ...request } = readArguments(args)
  const { control, isForced, until: goal } = request
  const sitePath = await editedFile('node remove', { ...values, file, isDry })
  const facts = { nodes: names, file: sitePath, isDryRun: isDry, goal }
  return withJsonResult(values.json, facts, terminal, async (terminal) => {
    const options = { names, control, terminal }
    const source =
      sitePath === undefined
        ? serverSource({ ...options, isForced, onFile: (path) => void (facts.file = path) })
        : await localSource(sitePath, options)
    if (source === undefined) return ExitCode.problems
    if (isDry) return previewRemoval(source, isForced, terminal)
    return interruptible((signal) => removeFrom(source, request, { terminal, clock, signal }))
  })
}

/** Prints the change of the site file, and why the removal would be refused. */
async function previewRemoval(source: RemovalSource, isForced: boolean, terminal: Terminal): Promise<number> {
  const preview = await source.preview()
  if (preview.kind === 'refused') return ExitCode.problems
  const blockers = preview.kind === 'unchecked' || isForced ? [] : preview.blockers
  for (const reason of blockers) refuse(terminal, reason)
  return blockers.length === 0 ? ExitCode.fine : refuse(terminal, 'add --force to remove them anyway')
}

async function removeFrom(
  source: RemovalSource,
  request: RemoveRequest,
  context: CommandContext,
): Promise<number> {
  const { control, isForced, until } = request
  const { terminal } = context
  const plan = await source.plan()
  const { keys, present, servers } = plan
  const blockers = isForced ? [] : plan.blockers
  for (const reason of blockers) refuse(terminal, reason)
  if (blockers.length > 0) return refuse(terminal, 'nothing was changed; --force removes them anyway')
  if (present.length > 0) {
    if (!(await source.write(plan))) return ExitCode.problems
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
  for (const line of plan.manualSteps) terminal.out(`left to do: ${line}`)
  return exitCodeOf(ended)
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
