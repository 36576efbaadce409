/** `slipway explain NODE`: everything that the services send to one node. */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { explain as explainProblems, prepare } from '../../prepare.ts'
import {
  chooseNode,
  controlPath,
  controlRow,
  installedSite,
  jsonRow,
  requireOrder,
  siteFile,
  siteOptions,
  nodeKeys,
} from '../target.ts'
import { askControl, ControlProblem, toResult } from '../client.ts'
import { isRemote } from '../server-options.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { explanationOf, type Explanation } from '../../explain/explanation.ts'
import { explanationLines } from '../text/explanation.ts'
import { paint } from '../text/output.ts'

export const explain: Command = {
  name: 'explain',
  help: {
    usage: ['explain [--json] [--control PATH] NODE', 'explain [--json] --site FILE NODE'],
    about: [
      'Shows everything that the services send to one node.',
      'Prints what DHCP offers to the firmware of the node (BIOS, x64 UEFI, arm64 UEFI) and to iPXE, option by option. ' +
        'Also prints the boot file, the iPXE script, the Ignition file, the DNS records, and the HAProxy backends. ' +
        'The command uses the code of the services but sends no packet. With --site, it reads a site file instead ' +
        'of querying the running slipway. If slipway is not running, the command reads the installed site file.',
    ],
    options: [['--site FILE', 'read this site file'], controlRow, jsonRow],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running, or the site file has errors'],
      ['2', 'invalid command line, or no such node'],
    ],
    isPaged: true,
    examples: ['explain w1', 'explain --site site.yaml ocp45/w1'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...siteOptions, json: { type: 'boolean', default: false } },
    })
    const name = positionals.at(-1)
    if (name === undefined || positionals.length > 2) {
      throw new UsageError('expected the name of one node')
    }
    const file = positionals.at(-2)
    if (file !== undefined) requireOrder('explain', file, name)
    const isOffline = file !== undefined || values.site !== undefined
    return toResult(terminal, async () => {
      const explanation = isOffline
        ? await explainOffline(await siteFile(values, file), name, terminal)
        : await explainRunningOrInstalled(values.control, name, terminal)
      if (explanation === undefined) return ExitCode.problems
      if (values.json) terminal.out(JSON.stringify(explanation, undefined, 2))
      else for (const line of explanationLines(explanation)) terminal.out(painted(line, terminal))
      return ExitCode.fine
    })
  },
}

/** Returns a heading in bold type; the lines below it are indented. */
function painted(line: string, terminal: Terminal): string {
  return /^\S/.test(line) ? paint(terminal, 'bold', line) : line
}

/** Reads the site file instead, and prints which one, if slipway is not running on this machine. */
async function explainRunningOrInstalled(
  control: string | undefined,
  name: string,
  terminal: Terminal,
): Promise<Explanation | undefined> {
  const path = controlPath(control)
  try {
    return await explainRunning(path, name)
  } catch (error) {
    const isStopped = error instanceof ControlProblem && error.isNotRunning
    const file = process.env['SLIPWAY_SITE'] ?? installedSite
    if (!isStopped || isRemote(path) || control !== undefined || !existsSync(file)) throw error
    terminal.err(`slipway is not running; answering from ${file}`)
    return explainOffline(file, name, terminal)
  }
}

/** Asks the running slipway, which answers from its active plan. */
async function explainRunning(path: string, name: string): Promise<Explanation> {
  const { notBooted = [] } = await askControl<{ readonly notBooted?: readonly string[] }>(path, '/v1/status')
  const [key = ''] = await nodeKeys(path, [name], notBooted)
  return askControl<Explanation>(path, `/v1/nodes/${key}/explain`)
}

/** Returns nothing when the site file has errors, which are printed. */
async function explainOffline(
  sitePath: string,
  name: string,
  terminal: Terminal,
): Promise<Explanation | undefined> {
  const prepared = await prepare(sitePath)
  if (prepared.kind !== 'ready') {
    for (const line of explainProblems(prepared)) terminal.err(line)
    return undefined
  }
  const { model, plan } = prepared
  return explanationOf(model, plan, chooseNode({ nodes: model.members }, name))
}
