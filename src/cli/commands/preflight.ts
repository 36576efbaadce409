/** `slipway preflight`: checks everything that can be known from this machine before the nodes are powered on. */
import { parseArgs } from 'node:util'
import { systemClock } from '../../host/clock.ts'
import { runChecks, type CheckContext, type CheckResult } from '../../preflight/check.ts'
import { checks } from '../../preflight/checks.ts'
import type { Registries } from '../../preflight/install-config.ts'
import { systemProbes, type Probes } from '../../preflight/probes.ts'
import { isIpv4Node } from '../../plan/model.ts'
import { defined } from '../../text/defined.ts'
import { explain, prepare, type Ready } from '../../prepare.ts'
import { askControl, ControlProblem } from '../client.ts'
import { ExitCode, UsageError, type Command, type HelpRow, type Terminal } from '../command.ts'
import { isRemote } from '../server-options.ts'
import {
  chooseNode,
  controlPath,
  jsonRow,
  siteFile,
  siteOptions,
  siteRows,
  stateDirectory,
} from '../target.ts'
import { nodeCheckScript } from '../render/node-check.ts'
import { checkLines, summaryLine } from '../text/checks.ts'

const defaultRegistry = 'quay.io'

export const checkOptions = {
  ...siteOptions,
  json: { type: 'boolean', default: false },
  state: { type: 'string' },
  registry: { type: 'string', multiple: true },
} as const

export const checkRows: readonly HelpRow[] = [
  ...siteRows,
  [
    '--registry HOST',
    `a registry that the nodes pull from, such as your mirror (default: ${defaultRegistry}); can be repeated`,
  ],
  [
    '--install-config FILE',
    'also check the mirror registries in this install-config.yaml, their certificates, and the pull secret',
  ],
  ['--state DIR', 'directory for installation records (default: $STATE_DIRECTORY, else /var/lib/slipway)'],
  jsonRow,
]

export const preflight: Command = {
  name: 'preflight',
  help: {
    usage: [
      'preflight [--registry HOST]… [--install-config FILE] [--state DIR] [--json] [--site FILE | FILE]',
      'preflight --from-node NODE [--registry HOST]… [--site FILE | FILE]',
    ],
    about: [
      'Checks this machine and its network before the nodes are powered on.',
      'Checks the files of the site, checksums of images, addresses, free ports, firewall, SELinux, other DHCP servers, ' +
        'resolvers, registries, endpoints of hosted clusters, BMCs, clock, disk space, state directory, and the ' +
        'configuration of HAProxy. Prints one line for each result (ok, warning, or failure), with what to do. Run it ' +
        'as root: some checks need a privilege.',
      'To find other DHCP servers, it sends DISCOVER messages from a random MAC address on each attached subnet, and never ' +
        'accepts an offer. Nothing else is sent to the nodes, and nothing is changed.',
      'With --from-node, it checks nothing here and prints a shell script that checks the network from a ' +
        'node: address, route, MTU, DHCP server, names, downloads, clock, and registries. Run the script as root on the ' +
        'node, or in a live system on it.',
    ],
    options: [['--from-node NODE', 'print a script that runs the checks on this node'], ...checkRows],
    exit: [
      ['0', 'no failure (there may be warnings)'],
      ['1', 'a failure, or the site file has errors'],
      ['2', 'invalid command line, or no such node'],
    ],
    examples: [
      'preflight site.yaml',
      'preflight --registry mirror.example.net:5000 --json site.yaml',
      'preflight --install-config install-config.yaml site.yaml',
      'preflight --from-node w1 site.yaml | ssh core@172.16.0.31 sudo sh',
    ],
  },

  run: (args, terminal) => runPreflight(args, terminal, systemProbes),
}

/** @param probes what the checks ask this machine; tests replace it */
export async function runPreflight(
  args: readonly string[],
  terminal: Terminal,
  probes: Probes,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...checkOptions, 'from-node': { type: 'string' }, 'install-config': { type: 'string' } },
  })
  if (positionals.length > 1) throw new UsageError('expected one site file')
  const sitePath = await siteFile(values, positionals[0])
  const prepared = await prepare(sitePath)
  if (prepared.kind !== 'ready') {
    for (const line of explain(prepared)) terminal.err(line)
    return ExitCode.problems
  }
  const { model } = prepared
  const name = values['from-node']
  if (name !== undefined) {
    const { registry = [defaultRegistry] } = values
    const node = chooseNode(model, name)
    if (!isIpv4Node(node)) {
      terminal.err(
        `${node.key} has no IPv4 address, and the script checks only IPv4; run "slipway preflight" without --from-node`,
      )
      return ExitCode.problems
    }
    terminal.out(nodeCheckScript(model, node, registry).trimEnd())
    return ExitCode.fine
  }
  const { site } = model.site
  const mirrors = await readMirrors(values['install-config'], probes)
  if (typeof mirrors === 'string') {
    terminal.err(mirrors)
    return ExitCode.problems
  }
  const context = contextOf(prepared, values, probes, await isServing(controlPath(values.control), site))
  const results = await runChecks(checks, { ...context, ...defined({ mirrors }) })
  printResults(results, values.json ? { site } : undefined, terminal)
  return exitCodeOf(results)
}

/** @returns a message if the file cannot be read */
async function readMirrors(
  path: string | undefined,
  { read }: Probes,
): Promise<Registries | string | undefined> {
  if (path === undefined) return undefined
  const text = await read(path)
  if (text === undefined) return `${path} cannot be read: check the path and the permissions`
  try {
    const { readInstallConfig } = await import('../../preflight/install-config.ts')
    return readInstallConfig(text)
  } catch (error) {
    return `${path} ${(error as Error).message}`
  }
}

export function contextOf(
  { model, plan }: Pick<Ready, 'model' | 'plan'>,
  values: { readonly state?: string | undefined; readonly registry?: readonly string[] | undefined },
  probes: Probes,
  isServing: boolean,
): CheckContext {
  const state = stateDirectory(values.state)
  const registries = values.registry ?? [defaultRegistry]
  return { model, plan, probes, state, isServing, registries, now: systemClock.now() }
}

/** Whether the running slipway serves this site. */
async function isServing(control: string, site: string): Promise<boolean> {
  // All checks concern this machine.
  if (isRemote(control)) return false
  try {
    return (await askControl<{ readonly site: string }>(control, '/v1/status')).site === site
  } catch (error) {
    if (error instanceof ControlProblem) return false
    throw error
  }
}

/** @param json the other fields of the JSON document; absent for lines of text */
export function printResults(
  results: readonly CheckResult[],
  json: object | undefined,
  terminal: Terminal,
): void {
  if (json !== undefined) {
    terminal.out(JSON.stringify({ ...json, checks: results }, undefined, 2))
    return
  }
  for (const line of checkLines(results, terminal)) terminal.out(line)
  terminal.out(summaryLine(results))
}

export function exitCodeOf(results: readonly CheckResult[]): number {
  return results.some(({ status }) => status === 'failure') ? ExitCode.problems : ExitCode.fine
}
