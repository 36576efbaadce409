/** `slipway node …`: one node's story, and what its next network boot shall lead to. */
import { parseArgs } from 'node:util'
import type { NodeReport, NodeDetails } from '../../../install/reports.ts'
import { chooseNode } from '../../choose-node.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../../command.ts'
import { askControl, controlHelp, controlOptions, controlPath } from '../../client.ts'
import { add, addUsage } from './add.ts'
import { adopt, adoptUsage } from './adopt.ts'
import { remove, removeUsage } from './remove.ts'
import { nodeLines } from '../../text/node.ts'
import { toResult } from '../status.ts'
import { stateText } from '../../text/status.ts'

type Action = (args: readonly string[], terminal: Terminal) => Promise<number>

const actions: Readonly<Record<string, Action>> = {
  show,
  install: (args, terminal) => command('install', args, terminal),
  local: (args, terminal) => command('local', args, terminal),
  menu: (args, terminal) => command('menu', args, terminal),
  forget: (args, terminal) => command('forget', args, terminal),
  add,
  remove,
  adopt,
}

export const node: Command = {
  name: 'node',
  summary: 'tell one node’s way step by step, say what its next boot leads to; add, remove, adopt nodes',
  usage: `usage: slipway node show NAME
       slipway node install|local|menu|forget NAME…
       slipway node add|remove|adopt …

show tells everything that was seen of a node: its boots, each step with its time,
duration, octets and rate, and what is wrong. The others say what the node's next
network boot leads to: install arms it to be installed, once, and for a limited time;
local sends it to its disk; menu shows the menu for people; forget drops what is
remembered of it, so that it is as the site file says. NAME is w1, or ocp45/w1 where
several clusters have a w1.

slipway node add --help tells how a node joins a running cluster, remove how it leaves,
adopt how one is only written into the site file.

${controlHelp}

Exit code 0: done. 1: refused, or slipway cannot be asked. 2: usage, or no such node.`,
  usages: { add: addUsage, remove: removeUsage, adopt: adoptUsage },

  async run([name = '', ...args], terminal) {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action === undefined) throw new UsageError(`node takes one of ${Object.keys(actions).join(', ')}`)
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
  if (names.length !== 1) throw new UsageError('node show takes one name')
  const [key = ''] = await nodeKeys(path, names)
  const story = await askControl<NodeDetails>(path, `/v1/nodes/${key}`)
  if (isJson) terminal.out(JSON.stringify(story, undefined, 2))
  else for (const line of nodeLines(story, Date.now(), terminal)) terminal.out(line)
  return ExitCode.fine
}

/** All names are looked up before the first is told anything, so a slip of the pen does nothing at all. */
async function command(action: string, args: readonly string[], terminal: Terminal): Promise<number> {
  const { path, isJson, names } = readArguments(args)
  if (names.length === 0) throw new UsageError(`node ${action} takes one name or more`)
  const stories: NodeDetails[] = []
  for (const key of await nodeKeys(path, names)) {
    const story = await askControl<NodeDetails>(path, `/v1/nodes/${key}/${action}`, 'POST')
    if (!isJson) terminal.out(`${key}: ${stateText(story, Date.now())}: ${story.reason}`)
    stories.push(story)
  }
  if (isJson) terminal.out(JSON.stringify(stories, undefined, 2))
  return ExitCode.fine
}

/** Each once, in the order in which they were named. */
export async function nodeKeys(path: string, names: readonly string[]): Promise<string[]> {
  const reports = await askControl<NodeReport[]>(path, '/v1/nodes')
  const nodes = reports.map((report) => ({
    key: report.node,
    name: report.node.slice(report.node.indexOf('/') + 1),
  }))
  return [...new Set(names.map((name) => chooseNode({ nodes }, name).key))]
}
