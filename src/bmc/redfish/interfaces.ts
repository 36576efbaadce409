/**
 * Finds the MAC addresses of a machine. Most BMCs have them in the EthernetInterfaces of the system. Where an interface or its
 * address is missing there, the network adapters are read too: their functions, their ports, or the adapters themselves, because
 * vendors differ (docs/bmc.md).
 */
import { isUnicastMac, parseMac } from '../../proto/address/mac.ts'
import { BmcProblem } from '../problem.ts'
import { at, linkAt, listAt, membersOf, textAt, type Json } from './json.ts'
import type { Session } from './session.ts'
import type { System } from './system.ts'
import { macPaths } from './vendors.ts'

/** Each resource is a request of up to some seconds, and some BMCs list every virtual interface of the operating system. */
const maxResources = 64

/** Collections of an adapter. The functions have the addresses that the firmware uses, so they come first. */
const adapterParts = ['NetworkDeviceFunctions', 'Ports', 'NetworkPorts'] as const

/** Returns a resource; an empty one if the BMC does not return it. */
type Read = (path: string | undefined) => Promise<Json>

/** Returns the addresses in lower case, each once, in the order of the BMC. @throws {BmcProblem} */
export async function readMacs(session: Session, system: System): Promise<string[]> {
  const read = createRead(session)
  const interfaces = (await readMembers(read, system.interfaces)).filter(isPort)
  const own = interfaces.map(macsIn)
  const isComplete = own.length > 0 && own.every((macs) => macs.length > 0)
  return [...new Set([...own.flat(), ...(isComplete ? [] : await readAdapters(read, system))])]
}

function createRead(session: Session): Read {
  let left = maxResources
  return async (path) => {
    if (path === undefined || left === 0) return {}
    left -= 1
    try {
      return (await session.get(path)).body
    } catch (error) {
      // Another resource can have the addresses.
      if (error instanceof BmcProblem && error.code === 'bmc.refused') return {}
      throw error
    }
  }
}

async function readMembers(read: Read, path: string | undefined): Promise<Json[]> {
  const bodies: Json[] = []
  for (const member of membersOf(await read(path))) bodies.push(await read(member))
  return bodies
}

/**
 * Whether an interface is a port of the machine. One that connects the operating system with the BMC can have the same
 * address on all machines, and a VLAN has the address of its port.
 */
function isPort(body: Json): boolean {
  return (
    textAt(body, 'Id') !== 'ToManager' &&
    linkAt(body, 'Links', 'HostInterface') === undefined &&
    textAt(body, 'EthernetInterfaceType') !== 'Virtual'
  )
}

async function readAdapters(read: Read, { adapters }: System): Promise<string[]> {
  const lists = [
    async () => {
      const members = await readMembers(read, adapters.interfaces)
      return members.flatMap((each) => linkAt(each, 'Links', 'NetworkAdapter') ?? [])
    },
    async () => {
      const paths: string[] = []
      for (const chassis of adapters.chassis) {
        paths.push(...membersOf(await read(linkAt(await read(chassis), 'NetworkAdapters'))))
      }
      return paths
    },
    async () => membersOf(await read(adapters.vendor)),
  ]
  for (const list of lists) {
    const macs: string[] = []
    for (const path of await list()) macs.push(...(await readAdapter(read, path)))
    if (macs.length > 0) return macs
  }
  return []
}

async function readAdapter(read: Read, path: string): Promise<string[]> {
  const adapter = await read(path)
  for (const part of adapterParts) {
    const members = await readMembers(read, linkAt(adapter, part))
    const macs = members.filter(isEthernet).flatMap(macsIn)
    if (macs.length > 0) return macs
  }
  // HPE iLO 4 and 5.
  return listAt(adapter, 'PhysicalPorts').flatMap(macsIn)
}

/** The functions of an adapter can also be disabled, or belong to Fibre Channel. */
function isEthernet(body: Json): boolean {
  return (textAt(body, 'NetDevFuncType') ?? 'Ethernet') === 'Ethernet' && at(body, 'DeviceEnabled') !== false
}

/** Returns the addresses at the first path that has any. World wide names of Fibre Channel can be among them. */
function macsIn(body: unknown): string[] {
  for (const keys of macPaths) {
    const values = [textAt(body, ...keys), ...listAt(body, ...keys)]
    const macs = values.flatMap((value) => (typeof value === 'string' ? (parseMac(value) ?? []) : []))
    const usable = macs.filter(isUnicastMac)
    if (usable.length > 0) return usable
  }
  return []
}
