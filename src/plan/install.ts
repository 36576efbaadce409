/** What the installations need to know of each node: who it is, what the site declares for it, and for whom it waits. */
import { formatIp } from '../proto/address/ip.ts'
import { formatIpv4 } from '../proto/address/ipv4.ts'
import type { BootMode, IgnitionAccess } from '../site/schema.ts'
import type { IgnitionKind } from './facts.ts'
import type { Model, NodeModel } from './model.ts'

/** A node that serves machine configuration (port 22623) once it is up. */
export type MachineConfigServer = {
  readonly node: string
  /** The reserved one, in dotted text. */
  readonly address: string
}

export type InstallNode = {
  readonly key: string
  /** Another one is another machine. */
  readonly mac: string
  readonly declared: BootMode
  /** What it is installed as when nobody chooses otherwise. */
  readonly role: IgnitionKind
  /** All of them, in the text of `formatIp`. */
  readonly addresses: readonly string[]
  readonly access: IgnitionAccess
  /** What it is sent last of all that its disk is written from: an agent has its Ignition file in the initramfs. */
  readonly lastFile: 'ignition' | 'rootfs'
  /** By what it is installed as: one of these must serve first; nobody has to when there are none. */
  readonly waitsFor: Readonly<Partial<Record<IgnitionKind, readonly MachineConfigServer[]>>>
}

/** By key, in the order of the site file. */
export type InstallPlan = ReadonlyMap<string, InstallNode>

export function compileInstall({ site, facts, nodes }: Model): InstallPlan {
  const clusters = new Map(
    site.clusters.map(({ name, order, ignitionAccess }) => {
      const members = nodes.filter(({ cluster }) => cluster === name)
      return [name, { access: ignitionAccess, waitsFor: order ? orderOf(members) : noOrder }]
    }),
  )
  return new Map(
    nodes.map((node) => {
      const { access, waitsFor } = clusters.get(node.cluster) as NonNullable<ReturnType<typeof clusters.get>>
      const { key, mac, boot, ignition, addresses, image } = node
      const about = { key, mac, declared: boot, role: ignition, addresses: addresses.map(formatIp) }
      const lastFile = facts.images.get(image)?.style === 'agent' ? 'rootfs' : 'ignition'
      return [key, { ...about, access, lastFile, waitsFor }]
    }),
  )
}

const noOrder: InstallNode['waitsFor'] = {}

/**
 * A node's first boot fetches its configuration from 22623 for as long as it takes, but an installation has a
 * time limit. Without a bootstrap (a single node that bootstraps in place, a cluster that stands) masters
 * have nobody to wait for.
 */
function orderOf(nodes: readonly NodeModel[]): InstallNode['waitsFor'] {
  const serving = (role: NodeModel['role']): MachineConfigServer[] =>
    nodes
      .filter((node) => node.role === role)
      .map(({ key, address }) => ({ node: key, address: formatIpv4(address) }))
  const bootstraps = serving('bootstrap')
  const masters = serving('master')
  return {
    master: bootstraps.length === 0 ? [] : [...bootstraps, ...masters],
    worker: masters,
  }
}
