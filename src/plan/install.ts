/** The plan of installations: the identity of each node, what the site declares for it, and which servers it waits for. */
import { formatIp } from '../proto/address/ip.ts'
import type { BootMode, IgnitionAccess, WipeMode } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { uncheckedDisk } from './disk-check.ts'
import { wantedDisk, type WantedDisk } from './disks/target.ts'
import { ignitionKinds, type ImageFacts, type InstallRole } from './facts.ts'
import { imageFacts, readsIgnition } from './boot/installation.ts'
import { checksDisk, needsHandover } from './systems/answers.ts'
import { bootSource, configurationSyntax, type MemberModel, type Model, type NodeModel } from './model.ts'
import { flatMapSteps, runSteps } from './steps.ts'

/** A node that serves machine configuration on port 22623 when it is running. */
export type MachineConfigServer = {
  readonly node: string
  /** Its IPv4 address in dotted text, or else its first address. */
  readonly address: string
}

export type InstallNode = {
  readonly key: string
  /** Identifies the machine: another MAC address is another machine. */
  readonly mac: string
  /** Its other MAC addresses; absent if it has only one. */
  readonly otherMacs?: readonly string[]
  readonly declared: BootMode
  /** The role that it is installed as, unless an administrator chooses another one. */
  readonly role: InstallRole
  /** All addresses, in the text of `formatIp`. */
  readonly addresses: readonly string[]
  readonly access: IgnitionAccess
  /**
   * The last file that is sent before the disk is written: an Ignition or answer file; the rootfs of an agent, whose Ignition
   * file is in its initramfs; or the permission after the disk check, if the installer waits for it. A node that boots the
   * script of another installer, or a custom system without an answer file, fetches a small file for this purpose.
   */
  readonly lastFile: 'ignition' | 'rootfs' | 'handover' | 'permission'
  /** Whether iPXE, or the firmware, must request its address from this server before it gets an installing script. */
  readonly requiresExchange: boolean
  /** Whether its boot loader sends no DHCP messages: the exchange of the firmware then counts. */
  readonly countsFirmware?: true
  /** Whether this appliance installs nodes (`server.installer`). */
  readonly isInstaller: boolean
  /** Whether an installation that no administrator started may overwrite a disk that holds data. */
  readonly wipe: WipeMode
  /**
   * Whether nothing looks at the disk before an installer overwrites it, and `wipe` does not permit that: each installation
   * then needs an administrator.
   */
  readonly needsConsent?: true
  /** How many files configure its installer, which reads each of them; absent for one. */
  readonly answers?: number
  /** Its disks; absent for one path without other settings, and for agents. */
  readonly disks?: WantedDisk
  /**
   * Whether its boot menu starts an installation after its time-out: a selection is then not made by an administrator.
   */
  readonly isMenuAutomatic: boolean
  /** By role: one of these servers must answer first. A node without servers does not wait. */
  readonly waitsFor: Readonly<Partial<Record<InstallRole, readonly MachineConfigServer[]>>>
}

/** Keys are node keys, ordered as in the site file. */
export type InstallPlan = ReadonlyMap<string, InstallNode>

export function compileInstall(model: Model): InstallPlan {
  return runSteps(installSteps(model))
}

export function* installSteps(model: Model): Generator<void, InstallPlan> {
  const { site, nodes, members: all } = model
  const members = Map.groupBy(all, ({ cluster }) => cluster)
  const clusters = new Map<string, Policy>(
    site.clusters.map(({ name, order, assisted, ignitionAccess, requireDhcp }) => {
      const requiresExchange = requireDhcp && ignitionAccess !== 'open'
      // The schema requires at least one node in each cluster.
      // The assisted service starts only when it has discovered all hosts.
      const waitsFor =
        order && assisted === undefined ? orderOf(members.get(name) as readonly MemberModel[]) : noOrder
      return [name, { access: ignitionAccess, requiresExchange, waitsFor }]
    }),
  )
  for (const { name, requireDhcp: requiresExchange } of site.groups) {
    clusters.set(name, { access: 'guarded', requiresExchange, waitsFor: noOrder })
  }
  yield
  return new Map(
    yield* flatMapSteps(nodes, (node): (readonly [string, InstallNode])[] => {
      const cluster = clusters.get(node.cluster) as NonNullable<ReturnType<typeof clusters.get>>
      const { key, mac, otherMacs, boot, ignition, addresses, menu, wipe, system } = node
      const { answers = [] } = system ?? {}
      const identity = { key, mac, ...defined({ otherMacs }) }
      const about = { ...identity, declared: boot, role: ignition, addresses: addresses.map(formatIp) }
      const lastFile = lastFileOf(model, node)
      const isMenuAutomatic = menu.timeoutSeconds > 0 && ignitionKinds.some((kind) => kind === menu.default)
      const policy = { ...cluster, lastFile, wipe, isMenuAutomatic, isInstaller: isInstaller(site) } as const
      const disks = lastFile === 'ignition' ? wantedDisk(node) : undefined
      return [
        [
          key,
          {
            ...about,
            ...policy,
            ...defined({ disks }),
            ...(wipe === 'ask' && uncheckedDisk(model, node) !== undefined && { needsConsent: true }),
            ...(answers.length > 1 && { answers: answers.length }),
            ...(configurationSyntax(node) !== undefined && { countsFirmware: true }),
          },
        ],
      ]
    }),
  )
}

type Policy = Pick<InstallNode, 'access' | 'requiresExchange' | 'waitsFor'>

function lastFileOf(model: Model, node: NodeModel): InstallNode['lastFile'] {
  if (!readsIgnition(node)) {
    if (checksDisk(model, node)) return 'permission'
    return needsHandover(model, node) ? 'handover' : 'ignition'
  }
  return lastFiles[imageFacts(model, bootSource(node)).style]
}

/** The last file that each style fetches before it writes the disk. */
const lastFiles: Readonly<Record<ImageFacts['style'], InstallNode['lastFile']>> = {
  live: 'ignition',
  installer: 'ignition',
  agent: 'rootfs',
  script: 'handover',
  // Flatcar; the others check the disk, or read an answer file.
  system: 'ignition',
}

/** Returns whether this server installs nodes: with peers, one of them does, or all of them with a shared store. */
export function isInstaller({ server: { address, installer } }: Pick<Model['site'], 'server'>): boolean {
  return installer === undefined || installer === address
}

const noOrder: InstallNode['waitsFor'] = {}

/**
 * Returns which servers each role waits for. A node retries port 22623 at its first boot without a limit, but an
 * installation has a time-out. Without a bootstrap node (a single node, an installed cluster) masters and
 * arbiters do not wait.
 */
function orderOf(nodes: readonly MemberModel[]): InstallNode['waitsFor'] {
  const serving = (role: MemberModel['role']): MachineConfigServer[] =>
    nodes
      .filter((node) => node.role === role)
      .map(({ key, address }) => ({ node: key, address: formatIp(address) }))
  const bootstraps = serving('bootstrap')
  const masters = serving('master')
  const first = bootstraps.length === 0 ? [] : [...bootstraps, ...masters]
  const hasArbiter = nodes.some(({ role }) => role === 'arbiter')
  return { master: first, ...(hasArbiter && { arbiter: first }), worker: masters }
}
