/** Boots the nodes of a site over real packets, without firmware. */
import { randomInt } from 'node:crypto'
import type { Clock } from '../host/clock.ts'
import type { Sockets } from '../host/udp.ts'
import type { Model, NodeModel } from '../plan/model.ts'
import { formatIpv4 } from '../proto/address/ip.ts'
import { bootNode } from './boot.ts'
import { openDhcpClients } from './dhcp-client.ts'
import type { Firmware } from './dhcp-profiles.ts'
import { openDiskFiles, type Rack } from './machine.ts'
import type { SimulatedBoot, Simulation } from './timeline.ts'

export const firmwareChoices = ['uefi', 'http', 'bios', 'mixed'] as const
/** `http` is UEFI HTTP Boot; `mixed` alternates between the nodes. ARM machines do not have a BIOS and use UEFI instead. */
export type FirmwareChoice = (typeof firmwareChoices)[number]

export type SimulateOptions = {
  readonly sockets: Sockets
  readonly clock: Clock
  /** Source address of the nodes, see {@link chooseSource}. */
  readonly source: string
  /** The nodes to boot, in this order. */
  readonly nodes: readonly NodeModel[]
  readonly firmware: FirmwareChoice
  /** Maximum number of nodes that boot at the same time. */
  readonly parallel: number
  /** Called when the boot of a node ends, in the order of `nodes`. */
  readonly onBooted: (boot: SimulatedBoot) => void
}

/** @throws {CannotListen} when the DHCP client port is not available */
export async function simulate(model: Model, options: SimulateOptions): Promise<Simulation> {
  const { sockets, clock, source, nodes, firmware, parallel, onBooted } = options
  const { address, ports } = model.endpoint
  const server = formatIpv4(address)
  const started = clock.monotonic()
  const dhcp = await openDhcpClients({
    sockets,
    clock,
    source,
    server: { address, port: ports.dhcp, clientPort: ports.dhcpClient },
    randomXid: () => randomInt(2 ** 32),
  })
  const rack: Rack = {
    model,
    clock,
    dhcp,
    tftp: { sockets, clock, source, server: { address: server, port: ports.tftp } },
    dns: { sockets, clock, source, server: { address: server, port: ports.dns } },
    disk: openDiskFiles(),
  }
  const boots = nodes.map((): SimulatedBoot | undefined => undefined)
  let next = 0
  let reported = 0
  const bootOthers = async (): Promise<void> => {
    for (let index = next++; index < nodes.length; index = next++) {
      const node = nodes[index] as NodeModel
      boots[index] = await bootNode(node, firmwareOf(model, node, firmware, index), rack)
      for (let done = boots[reported]; done !== undefined; done = boots[++reported]) onBooted(done)
    }
  }
  try {
    await Promise.all(Array.from({ length: parallel }, bootOthers))
  } finally {
    await dhcp.close()
  }
  return { boots: boots.filter((boot) => boot !== undefined), durationMs: clock.monotonic() - started }
}

/** The image determines the architecture; the caller chooses the boot method. */
function firmwareOf(model: Model, node: NodeModel, choice: FirmwareChoice, index: number): Firmware {
  const isArm = model.site.images[node.image]?.architecture === 'aarch64'
  switch (choice === 'mixed' ? turns[index % turns.length] : choice) {
    case 'http':
      return isArm ? 'arm64-http' : 'uefi-http'
    case 'bios':
      return isArm ? 'arm64' : 'bios'
    default:
      return isArm ? 'arm64' : 'uefi'
  }
}

const turns = ['uefi', 'bios', 'http'] as const
