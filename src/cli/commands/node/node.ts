/** `slipway node …`: the details of one node, and commands for its next network boot. */
import { parseArgs } from 'node:util'
import type { NodeDetails } from '../../../install/reports.ts'
import { controlOptions, controlPath, nodeKeys } from '../../target.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../../command.ts'
import { askControl, toResult } from '../../client.ts'
import { add } from './add.ts'
import { adopt } from './adopt.ts'
import { log } from './log.ts'
import { nodeHelp, nodeHelps } from './help.ts'
import { remove } from './remove.ts'
import { stateText } from '../../../install/step-text.ts'
import { hasFailed, type Applied } from '../../../serve/haproxy/apply.ts'
import { didYouMean } from '../../../text/nearest.ts'
import { nodeLines } from '../../text/node.ts'
import { powerText } from '../../text/power.ts'
import { parseRollout, powerTimeoutMs, rollOut, rolloutOptions } from '../../power-rollout.ts'
import { interruptible } from '../../poll.ts'
import { systemClock } from '../../../host/clock.ts'
import type { PowerRefusal, PowerReport } from '../../../bmc/power.ts'

type Action = (args: readonly string[], terminal: Terminal) => Promise<number>

const actions: Readonly<Record<string, Action>> = {
  show,
  log,
  install,
  local: (args, terminal) => command('local', args, terminal),
  menu: (args, terminal) => command('menu', args, terminal),
  forget: (args, terminal) => command('forget', args, terminal),
  drain: (args, terminal) => balance('drain', args, terminal),
  enable: (args, terminal) => balance('enable', args, terminal),
  add,
  remove,
  adopt,
}

export const node: Command = {
  name: 'node',
  help: nodeHelp,
  helps: nodeHelps,

  async run([name = '', ...args], terminal) {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action === undefined) {
      const known = Object.keys(actions)
      if (name === '') throw new UsageError(`expected one of ${known.join(', ')}`)
      if (['list', 'ls'].includes(name)) {
        throw new UsageError(`unknown command "${name}": to list the nodes, run "slipway status"`)
      }
      throw new UsageError(
        `unknown command ${JSON.stringify(name)}${didYouMean(name, known)}; expected one of ${known.join(', ')}`,
      )
    }
    return toResult(terminal, () => action(args, terminal))
  },
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: controlOptions,
  })
  return { path: controlPath(values.control), isJson: values.json, names: positionals }
}

async function show(args: readonly string[], terminal: Terminal): Promise<number> {
  const { path, isJson, names } = readArguments(args)
  if (names.length !== 1) throw new UsageError('expected the name of one node')
  const [key = ''] = await nodeKeys(path, names)
  const details = await askControl<NodeDetails>(path, `/v1/nodes/${key}`)
  if (isJson) terminal.out(JSON.stringify(details, undefined, 2))
  else for (const line of nodeLines(details, Date.now(), terminal)) terminal.out(line)
  return ExitCode.fine
}

/** Arms nodes; with `--power`, also restarts them from the network and follows them. */
async function install(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals: names } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...controlOptions, ...rolloutOptions },
  })
  const limits = parseRollout(values)
  if (!values.power) return command('install', args, terminal)
  if (names.length === 0) throw new UsageError('expected the name of a node')
  const control = controlPath(values.control)
  const nodes = await nodeKeys(control, names)
  if (!values.resume) {
    for (const key of nodes) {
      const { reason } = await askControl<NodeDetails>(
        control,
        `/v1/nodes/${key}/install?power=false`,
        'POST',
      )
      terminal.out(`${key}: armed: ${reason}`)
    }
  }
  const resume = `slipway node install --power --resume ${nodes.join(' ')}`
  return interruptible((signal) =>
    rollOut({ control, nodes, ...limits, resume, clock: systemClock, signal }, terminal),
  )
}

/** Looks up all names before it sends the first command, so that a mistyped name changes nothing. */
async function command(action: string, args: readonly string[], terminal: Terminal): Promise<number> {
  const { path, isJson, names } = readArguments(args)
  if (names.length === 0) throw new UsageError('expected the name of a node')
  const all: NodeDetails[] = []
  let code: number = ExitCode.fine
  for (const key of await nodeKeys(path, names)) {
    const details = await askControl<Commanded>(path, `/v1/nodes/${key}/${action}`, 'POST', powerTimeoutMs)
    if (!isJson) terminal.out(`${key}: ${stateText(details, Date.now())}: ${details.reason}`)
    if (!isJson && details.power !== undefined) terminal.out(powerText(details.power))
    if (details.powerProblem !== undefined) {
      terminal.err(`${key}: not restarted: ${details.powerProblem.reason}`)
      code = ExitCode.problems
    }
    all.push(details)
  }
  if (isJson) terminal.out(JSON.stringify(all, undefined, 2))
  return code
}

/** The details of a node after a command; with the result of its restart, if the site declares `power: managed`. */
type Commanded = NodeDetails & {
  readonly power?: PowerReport
  readonly powerProblem?: PowerRefusal
}

type Balanced = { readonly node: string; readonly applied: Applied }

/** HAProxy may reload before the response. */
const balanceTimeoutMs = 90_000

async function balance(
  action: 'drain' | 'enable',
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const { path, isJson, names } = readArguments(args)
  if (names.length === 0) throw new UsageError('expected the name of a node')
  const { notBooted = [] } = await askControl<{ readonly notBooted?: readonly string[] }>(path, '/v1/status')
  const all: Balanced[] = []
  for (const key of await nodeKeys(path, names, notBooted)) {
    const done = await askControl<Balanced>(path, `/v1/nodes/${key}/${action}`, 'POST', balanceTimeoutMs)
    all.push(done)
    if (isJson) continue
    terminal.out(`${key}: ${action === 'drain' ? 'drained' : 'enabled'}`)
    const { outcome, reason = outcome } = done.applied
    if (hasFailed(done.applied)) terminal.err(`! HAProxy does not have the change yet: ${reason}`)
  }
  if (isJson) terminal.out(JSON.stringify(all, undefined, 2))
  return all.some(({ applied }) => hasFailed(applied)) ? ExitCode.problems : ExitCode.fine
}
