/** `slipway power …`: reads and switches the power of nodes through their BMCs. */
import { parseArgs } from 'node:util'
import type { PowerReport } from '../../bmc/power.ts'
import type { PowerAction } from '../../bmc/machine.ts'
import { didYouMean } from '../../text/nearest.ts'
import { actionHelps } from '../action-help.ts'
import { askControl, ControlProblem, toResult, withNextStep } from '../client.ts'
import { ExitCode, UsageError, type Command, type Help, type Terminal } from '../command.ts'
import { powerTimeoutMs } from '../power-rollout.ts'
import { controlOptions, controlPath, controlRow, jsonRow, nodeKeys } from '../target.ts'
import { powerLines, powerText } from '../text/power.ts'

const verbs = ['status', 'on', 'off', 'cycle', 'trust'] as const

const help: Help = {
  usage: [
    'power status [--json] [--control PATH] NODE…',
    'power on|cycle [--boot network|normal] [--json] [--control PATH] NODE…',
    'power off [--force] [--json] [--control PATH] NODE…',
    'power trust --fingerprint SHA256 [--json] [--control PATH] NODE',
  ],
  about: [
    'Shows and switches the power of nodes through their BMCs.',
    'Queries the running slipway, which connects to the BMC that the site file declares for the node (Redfish or IPMI). ' +
      'docs/bmc.md describes what to write in the site file. To install a node, use "slipway node install --power".',
  ],
  lists: {
    Commands: [
      ['status', 'show the power, what the firmware does, and the identity of the machine'],
      ['on', 'switch on'],
      ['off', 'ask the operating system to shut down; with --force, switch off at once'],
      ['cycle', 'restart at once, or switch on a machine that is off'],
      ['trust', 'accept a new certificate of the BMC'],
    ],
  },
  options: [
    ['--boot network', 'on, cycle: boot once from the network'],
    ['--boot normal', 'on, cycle: boot in the order of the firmware'],
    ['--force', 'off: do not wait for the operating system'],
    ['--fingerprint SHA256', 'trust: fingerprint that the BMC must show'],
    controlRow,
    jsonRow,
  ],
  exit: [
    ['0', 'success; for several nodes: all of them'],
    ['1', 'slipway is not running, or a BMC did not carry out the command'],
    ['2', 'invalid command line, or no such node'],
  ],
  examples: ['power status w1', 'power cycle --boot network ocp45/w1', 'power off --force w1 w2'],
}

export const power: Command = {
  name: 'power',
  help,
  helps: actionHelps(help, {
    status: {
      about: [
        'Shows the power of nodes, what their firmware does, and the identity of the machines.',
        'The BMC is read when you call the command. A report that is less than 3 s old is shown again.',
      ],
      examples: ['power status w1', 'power status --json w1 w2'],
    },
    on: {
      about: ['Switches nodes on.', 'A node that is on stays as it is.'],
      examples: ['power on w1', 'power on --boot network w1'],
    },
    cycle: {
      about: [
        'Restarts nodes at once, without asking the operating system.',
        'A node that is off is switched on. The command does not arm a node: only "slipway node install" does.',
      ],
      examples: ['power cycle w1', 'power cycle --boot network w1'],
    },
    off: {
      about: [
        'Switches nodes off.',
        'Without --force, the BMC asks the operating system to shut down, which can take minutes or be ignored.',
      ],
      examples: ['power off w1', 'power off --force w1'],
    },
    trust: {
      about: [
        'Accepts a new certificate of the BMC of a node.',
        'slipway keeps the fingerprint of the certificate that it sees first, and refuses another one. Compare the ' +
          'fingerprint with the one in the web page of the BMC before you accept it. Needs the scope admin.',
      ],
      examples: ['power trust w1 --fingerprint AB:CD:…'],
    },
  }),

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...controlOptions,
        boot: { type: 'string' },
        force: { type: 'boolean', default: false },
        fingerprint: { type: 'string' },
      },
    })
    const [given = '', ...names] = positionals
    const verb = verbs.find((name) => name === given)
    if (verb === undefined) {
      const what = given === '' ? '' : `unknown command ${JSON.stringify(given)}${didYouMean(given, verbs)}; `
      throw new UsageError(`${what}expected one of ${verbs.join(', ')}`)
    }
    if (names.length === 0) throw new UsageError('expected the name of a node')
    if (verb === 'trust' && (names.length > 1 || values.fingerprint === undefined)) {
      throw new UsageError('expected one node, and --fingerprint with the fingerprint that its BMC shows')
    }
    if (values.boot !== undefined && !['network', 'normal'].includes(values.boot)) {
      throw new UsageError(`--boot: expected network or normal, not ${values.boot}`)
    }
    const target = controlPath(values.control)
    return toResult(terminal, async () => {
      const keys = await nodeKeys(target, names)
      if (verb === 'trust') return trust(target, keys[0] as string, values.fingerprint as string, terminal)
      const request = requestOf(verb, values)
      return forEach(keys, { target, isJson: values.json, ...request }, terminal)
    })
  },
}

type Request = { readonly method: 'GET' | 'POST'; readonly path: string }

function requestOf(
  verb: 'status' | 'on' | 'off' | 'cycle',
  { boot, force }: { readonly boot?: string | undefined; readonly force: boolean },
): Request {
  if (verb === 'status') return { method: 'GET', path: '' }
  const action: PowerAction = verb === 'off' && force ? 'force-off' : verb
  return { method: 'POST', path: `/${action}${boot === undefined ? '' : `?boot=${boot}`}` }
}

/** One node whose BMC fails does not keep the others from being switched. */
async function forEach(
  keys: readonly string[],
  { target, isJson, method, path }: Request & { readonly target: string; readonly isJson: boolean },
  terminal: Terminal,
): Promise<number> {
  const reports: PowerReport[] = []
  let code: number = ExitCode.fine
  for (const key of keys) {
    try {
      const report = await askControl<PowerReport>(
        target,
        `/v1/nodes/${key}/power${path}`,
        method,
        powerTimeoutMs,
      )
      reports.push(report)
      if (isJson) continue
      const lines = method === 'GET' ? powerLines(report) : [powerText(report)]
      for (const line of lines) terminal.out(line)
    } catch (error) {
      if (!(error instanceof ControlProblem) || error.refusal === undefined) throw error
      terminal.err(`${key}: ${withNextStep(error)}`)
      code = ExitCode.problems
    }
  }
  if (isJson) terminal.out(JSON.stringify(reports, undefined, 2))
  return code
}

async function trust(target: string, key: string, fingerprint: string, terminal: Terminal): Promise<number> {
  const path = `/v1/nodes/${key}/power/trust?fingerprint=${encodeURIComponent(fingerprint)}`
  const accepted = await askControl<{ readonly fingerprint: string }>(target, path, 'POST', powerTimeoutMs)
  terminal.out(`${key}: slipway accepts the certificate ${accepted.fingerprint} of its BMC`)
  return ExitCode.fine
}
