/** `slipway simulate`: boots the nodes of a site over real packets, without hardware. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { CannotListen } from '../../host/cannot-listen.ts'
import { systemClock } from '../../host/clock.ts'
import { createSockets } from '../../host/sockets.ts'
import type { Model, NodeModel } from '../../plan/model.ts'
import { explain, prepare } from '../../prepare.ts'
import { formatIp, formatIpv4, cidrContains, parseIpv4, type Ipv4 } from '../../proto/address/ip.ts'
import { loaderChoices, type LoaderChoice } from '../../simulate/follow-scripts.ts'
import {
  firmwareChoices,
  firmwareOf,
  machineChoices,
  simulate as bootNodes,
  type FirmwareChoice,
  type MachineChoice,
  type SimulateOptions,
} from '../../simulate/simulate.ts'
import {
  formatBoot,
  formatSummary,
  roundedEvents,
  type SimulatedBoot,
  type Simulation,
} from '../../simulate/timeline.ts'
import { simulateUndeclared } from '../../simulate/undeclared.ts'
import type { Firmware } from '../../simulate/dhcp-profiles.ts'
import type { Plan } from '../../plan/compile.ts'
import { parseMac, type Mac } from '../../proto/address/mac.ts'
import { undeclaredJson, undeclaredLines } from '../text/undeclared.ts'
import { declaredAnswer, declaredAs } from '../undeclared-answer.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { siteFile, siteOptions, siteRows } from '../target.ts'
import { defined } from '../../text/defined.ts'
import type { Site } from '../../site/schema.ts'

/** Nodes that boot at the same time; more would only compete for this machine. */
const maxParallel = 16

export const simulate: Command = {
  name: 'simulate',
  help: {
    usage: [
      'simulate [--node NAME]… [--firmware KIND] [--arch ARCH] [--loader KIND] [--relay ADDRESS] [--json] [--site FILE | FILE]',
      'simulate --mac MAC [--firmware KIND] [--arch ARCH] [--relay ADDRESS] [--json] [--site FILE | FILE]',
    ],
    about: [
      'Boots nodes over real packets, without hardware.',
      'Sends what firmware, iPXE, and the installer of each node send, and checks every response against the site ' +
        'file: DHCP, the boot loader by TFTP, the script, kernel, and initramfs by HTTP, then DHCP, DNS, the root ' +
        'file system, and Ignition of the live system. It installs nothing and starts no installation. It ' +
        'checks that the server refuses the Ignition file to a simulated node, unless the site makes Ignition files public.',
      'Run it on the machine that serves, or on a machine in the network of the nodes. Do not run it for a node that ' +
        'is being installed: the simulated packets look like those of the node. The default DHCP ports need root.',
      'With --mac, boots a machine that the site file does not declare, and prints what slipway answers: the inventory ' +
        'boot, or nothing, and why. It reserves no address, sends no report, and does not appear in "slipway nodes seen".',
    ],
    options: [
      ['--node NAME', 'only this node (w1 or ocp45/w1); can be repeated'],
      ['--mac MAC', 'boot an undeclared machine with this MAC address'],
      ['--firmware KIND', `one of ${firmwareChoices.join(', ')} (default: uefi)`],
      ['--arch ARCH', `firmware of all nodes: ${machineChoices.join(' or ')} (default: that of the image)`],
      [
        '--loader KIND',
        `follow the scripts of this loader: ${new Intl.ListFormat('en', { type: 'disjunction' }).format(loaderChoices)} (default: that of each node)`,
      ],
      ['--relay ADDRESS', 'send DHCP as a relay agent with this address, which must be one of this machine'],
      ...siteRows,
      ['--json', 'print one JSON document instead of timelines'],
    ],
    exit: [
      ['0', 'all nodes booted, or the answer to an undeclared machine is that of the site file'],
      ['1', 'a node did not boot, the answer is another one, or the site file has errors'],
      ['2', 'invalid command line, or no such node'],
    ],
    examples: [
      'simulate site.yaml',
      'simulate --node w1 --firmware bios site.yaml',
      'simulate --node w1 --arch arm64',
      'simulate --node w1 --loader grub',
      'simulate --node w1 --relay 10.1.0.1',
      'simulate --mac 52:54:00:12:34:56',
    ],
  },

  async run(args, terminal) {
    const { values, file, names, mac, firmware, machine, loader, relay, isJson } = readArguments(args)
    const prepared = await prepare(await siteFile(values, file))
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const { model, plan } = prepared
    const server = model.endpoint.address
    if (relay === server) {
      throw new UsageError(`--relay ${formatIpv4(server)}: expected another address than that of the server`)
    }
    if (mac !== undefined) {
      const chosen = firmwareOf(machine === 'arm64', firmware, 0)
      return runUndeclared(model, plan, { mac, firmware: chosen, relay }, terminal, isJson)
    }
    const nodes = chooseNodes(model, names)
    const result = await runSimulation(
      model,
      nodes,
      firmware,
      isJson ? { ...terminal, out: () => {} } : terminal,
      { machine, loader, relay },
    )
    if (result === undefined) return ExitCode.problems
    if (isJson) terminal.out(JSON.stringify(toJson(model, result), null, 2))
    return result.boots.every(({ isBooted }) => isBooted) ? ExitCode.fine : ExitCode.problems
  },
}

/** What the machines are, and where; by default as the site declares. */
type Profile = {
  readonly machine?: MachineChoice | undefined
  readonly loader?: LoaderChoice | undefined
  readonly relay?: Ipv4 | undefined
}

/**
 * Boots `nodes` and prints the timeline of each node when it ends.
 *
 * @returns `undefined` when it could not start; the reason is on standard error
 */
export async function runSimulation(
  model: Model,
  nodes: readonly NodeModel[],
  firmware: FirmwareChoice,
  terminal: Terminal,
  { machine, loader, relay }: Profile = {},
): Promise<Simulation | undefined> {
  const onBooted = (boot: SimulatedBoot): void => {
    for (const line of formatBoot(boot, terminal)) terminal.out(line)
    terminal.out('')
  }
  const result = await onNetwork(model, relay, terminal, (network) =>
    bootNodes(model, {
      ...network,
      nodes,
      firmware,
      ...defined({ machine, loader }),
      onBooted,
      parallel: maxParallel,
    }),
  )
  if (result !== undefined) terminal.out(formatSummary(result, terminal))
  return result
}

/** Boots an undeclared machine, and prints its timeline, and a sentence that states what slipway answers. */
async function runUndeclared(
  model: Model,
  plan: Plan,
  asked: { readonly mac: Mac; readonly firmware: Firmware; readonly relay: Ipv4 | undefined },
  terminal: Terminal,
  isJson: boolean,
): Promise<number> {
  const { mac, firmware, relay } = asked
  const declared = declaredAs(model, mac)
  if (declared !== undefined) throw new UsageError(`--mac ${mac}: ${declared}`)
  const answer = declaredAnswer(model.site, plan, asked)
  const boot = await onNetwork(model, relay, terminal, (network) =>
    simulateUndeclared(model, { ...network, mac, firmware, expected: answer.kind }),
  )
  if (boot === undefined) return ExitCode.problems
  const lines = isJson
    ? [JSON.stringify({ site: model.site.site, ...undeclaredJson(boot, answer) }, null, 2)]
    : undeclaredLines(boot, answer, terminal)
  for (const line of lines) terminal.out(line)
  return boot.isBooted ? ExitCode.fine : ExitCode.problems
}

type Network = Pick<SimulateOptions, 'sockets' | 'clock' | 'source' | 'relay'>

/** @returns `undefined` when it could not start; the reason is on standard error */
async function onNetwork<T>(
  { site, endpoint }: Model,
  relay: Ipv4 | undefined,
  terminal: Terminal,
  run: (network: Network) => Promise<T>,
): Promise<T | undefined> {
  const source = relay === undefined ? chooseSource(site, networkInterfaces()) : formatIpv4(relay)
  if (source === undefined) {
    const server = formatIpv4(endpoint.address)
    terminal.err(
      `slipway simulate: this machine has neither the server's address ${server} nor one in a subnet of the site; ` +
        'run it on the server, or on a machine in the network of the nodes',
    )
    return undefined
  }
  try {
    return await run({ clock: systemClock, sockets: createSockets({}), source, ...defined({ relay }) })
  } catch (error) {
    if (!(error instanceof CannotListen)) throw error
    terminal.err(`slipway simulate: ${bindProblem(error, source)}`)
    return undefined
  }
}

/** Returns why the simulation cannot start. Only root can bind the port of DHCP clients; the remedy of a service does not apply. */
export function bindProblem({ message, cause }: CannotListen, relay?: string): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const [, port = ''] = /:(\d+)/.exec(message) ?? []
  if (code === 'EADDRNOTAVAIL') {
    return `--relay: no interface of this machine has the address ${relay ?? ''}; add it to one, or name another address`
  }
  return code === 'EACCES' ? `binding port ${port} needs root: run it with sudo` : message
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...siteOptions,
      node: { type: 'string', multiple: true, default: [] },
      mac: { type: 'string' },
      firmware: { type: 'string', default: 'uefi' },
      arch: { type: 'string' },
      loader: { type: 'string' },
      relay: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  if (positionals.length > 1) throw new UsageError('expected one site file')
  const firmware = firmwareChoices.find((choice) => choice === values.firmware)
  if (firmware === undefined)
    throw new UsageError(`--firmware: expected one of ${firmwareChoices.join(', ')}`)
  const { arch } = values
  const machine = machineChoices.find((choice) => choice === arch)
  if (machine === undefined && arch !== undefined)
    throw new UsageError(`--arch: expected one of ${machineChoices.join(', ')}`)
  const loader = loaderChoices.find((choice) => choice === values.loader)
  if (loader === undefined && values.loader !== undefined)
    throw new UsageError(`--loader: expected one of ${loaderChoices.join(', ')}`)
  const relay = values.relay === undefined ? undefined : parseIpv4(values.relay)
  if (relay === undefined && values.relay !== undefined)
    throw new UsageError(`--relay: expected an IPv4 address of this machine, not ${values.relay}`)
  const { node: names, json: isJson } = values
  const mac = values.mac === undefined ? undefined : parseMac(values.mac)
  if (values.mac !== undefined) {
    if (mac === undefined) throw new UsageError(`--mac: expected a MAC address, not ${values.mac}`)
    if (names.length > 0 || loader !== undefined) {
      throw new UsageError(
        '--mac is for a machine that the site file does not declare: omit --node and --loader',
      )
    }
  }
  return { values, file: positionals[0], names, mac, firmware, machine, loader, relay, isJson }
}

/** All nodes, or the named ones in the order of the site. */
function chooseNodes({ nodes }: Model, names: readonly string[]): readonly NodeModel[] {
  const isNamed = (node: NodeModel, name: string) => node.key === name || node.name === name
  for (const name of names) {
    if (nodes.some((node) => isNamed(node, name))) continue
    throw new UsageError(`the site has no node ${name}; it has ${nodes.map(({ key }) => key).join(', ')}`)
  }
  return names.length === 0 ? nodes : nodes.filter((node) => names.some((name) => isNamed(node, name)))
}

function toJson(model: Model, { boots, durationMs }: Simulation) {
  return {
    site: model.site.site,
    isBooted: boots.every(({ isBooted }) => isBooted),
    durationMs: Math.round(durationMs),
    nodes: boots.map(({ node, events, ...boot }) => ({
      node: node.key,
      role: node.role,
      mac: node.mac,
      address: formatIp(node.address),
      ...boot,
      durationMs: Math.round(boot.durationMs),
      steps: roundedEvents(events),
    })),
  }
}

/**
 * Chooses the source address of simulated nodes: the address of the server where this machine has it, else one in a
 * subnet of the site. A broadcast from it leaves through the interface to the nodes.
 *
 * @param interfaces as `os.networkInterfaces()` returns them
 * @returns the address in dotted text, or `undefined` when this machine is not on the site's network
 */
export function chooseSource(
  site: Pick<Site, 'server' | 'subnets'>,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): string | undefined {
  const own = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address)
  const server = formatIpv4(site.server.address)
  // All of 127.0.0.0/8 is on the loopback interface, whether named or not (RFC 1122 §3.2.1.3).
  if (own.includes(server) || server.startsWith('127.')) return server
  return own.find((text) => {
    const address = parseIpv4(text)
    return address !== undefined && site.subnets.some(({ cidr }) => cidrContains(cidr, address))
  })
}
