/** `slipway simulate SITE`: boots a site's nodes over real packets, without firmware. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { CannotListen } from '../../host/cannot-listen.ts'
import { systemClock } from '../../host/clock.ts'
import { createSockets } from '../../host/sockets.ts'
import type { Model, NodeModel } from '../../plan/model.ts'
import { explain, prepare } from '../../prepare.ts'
import { formatIpv4, cidrContains, parseIpv4 } from '../../proto/address/ipv4.ts'
import {
  firmwareChoices,
  simulate as bootRack,
  type FirmwareChoice,
  type Simulation,
} from '../../simulate/simulate.ts'
import { formatBoot, formatSummary } from '../../simulate/timeline-text.ts'
import type { SimulatedBoot } from '../../simulate/timeline.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import type { Site } from '../../site/schema.ts'

/** A rack that is powered on at once; more would only wait for each other here. */
const mostAtOnce = 16

export const simulate: Command = {
  name: 'simulate',
  summary: "boot a site's nodes over real packets, without firmware",
  usage: `usage: slipway simulate [--node NAME]… [--firmware WHICH] [--json] SITE

Sends what the nodes' firmware, iPXE and installer would send to the server that
serves SITE, and judges every answer against the site file: DHCP twice, the loader
by TFTP, script, kernel and initramfs by HTTP, then DHCP, names, system image and
Ignition of the live system. Nothing is installed, and no installation begins: an
Ignition file must be refused to it, unless the site opens them to everybody. Run it
on the machine that serves, or on one in the nodes' network, and not for a node that
is being installed: its packets look like the node's. The usual DHCP ports need root.

  --node NAME        only this node (m1 or ocp45/m1); may be repeated
  --firmware WHICH   ${firmwareChoices.join(', ')} (uefi)
  --json             one JSON object instead of timelines

exit code: 0 when all nodes booted, 1 when not`,

  async run(args, terminal) {
    const { sitePath, names, firmware, isJson } = readArguments(args)
    const prepared = await prepare(sitePath)
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const { model } = prepared
    const nodes = chooseNodes(model, names)
    const result = await runSimulation(
      model,
      nodes,
      firmware,
      isJson ? { ...terminal, out: () => {} } : terminal,
    )
    if (result === undefined) return ExitCode.problems
    if (isJson) terminal.out(JSON.stringify(toJson(model, result), null, 2))
    return result.boots.every(({ isBooted }) => isBooted) ? ExitCode.fine : ExitCode.problems
  },
}

/**
 * Boots `nodes` and writes each timeline as its node ends.
 *
 * @returns `undefined` when it could not begin; standard error says why
 */
export async function runSimulation(
  model: Model,
  nodes: readonly NodeModel[],
  firmware: FirmwareChoice,
  terminal: Terminal,
): Promise<Simulation | undefined> {
  const source = chooseSource(model.site, networkInterfaces())
  if (source === undefined) {
    const server = formatIpv4(model.endpoint.address)
    terminal.err(
      `slipway simulate: this machine has neither the server's address ${server} nor one in a subnet of the site; ` +
        'run it on the server or in the network of the nodes',
    )
    return undefined
  }
  const onBooted = (boot: SimulatedBoot): void => {
    for (const line of formatBoot(boot, terminal)) terminal.out(line)
    terminal.out('')
  }
  try {
    const result = await bootRack(model, {
      ...{ clock: systemClock, sockets: createSockets({}), source, nodes, firmware, onBooted },
      parallel: mostAtOnce,
    })
    terminal.out(formatSummary(result, terminal))
    return result
  } catch (error) {
    if (!(error instanceof CannotListen)) throw error
    terminal.err(`slipway simulate: ${error.message}`)
    return undefined
  }
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      node: { type: 'string', multiple: true, default: [] },
      firmware: { type: 'string', default: 'uefi' },
      json: { type: 'boolean', default: false },
    },
  })
  const [sitePath, ...more] = positionals
  if (sitePath === undefined || more.length > 0) throw new UsageError('simulate takes one site file')
  const firmware = firmwareChoices.find((choice) => choice === values.firmware)
  if (firmware === undefined) throw new UsageError(`--firmware takes one of ${firmwareChoices.join(', ')}`)
  return { sitePath, names: values.node, firmware, isJson: values.json }
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
      address: formatIpv4(node.address),
      ...boot,
      durationMs: Math.round(boot.durationMs),
      steps: events.map((event) => ({
        ...event,
        atMs: Math.round(event.atMs),
        durationMs: Math.round(event.durationMs),
      })),
    })),
  }
}

/** Which of this machine's addresses simulated machines speak from. */

/**
 * The server's own address where it is on this machine, else one in a subnet of the site: a broadcast from it
 * leaves by the interface that the nodes are on.
 *
 * @param interfaces as `os.networkInterfaces()` gives them
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
