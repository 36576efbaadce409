/** Kernel arguments of an installation, in the order of the OpenShift documentation. Pure. */
import type { NodeModel } from '../model.ts'
import type { Bootable } from './installation.ts'

/** Returns the arguments without those that only a boot loader needs. */
export function kernelArguments(
  node: Pick<NodeModel, 'kernelArguments' | 'multipath' | 'savePartitions'> & Families,
  installation: Exclude<Bootable, { style: 'script' }>,
): string[] {
  const dhcp = `ip=${dhcpMethods(node)}`
  const { network, others } = sortArguments(node.kernelArguments)
  switch (installation.style) {
    case 'live':
      return [
        `coreos.live.rootfs_url=${installation.rootfs.url}`,
        ...(installation.ignition !== 'single'
          ? [...installsFrom(installation), ...diskArguments(node)]
          : installation.liveIgnitionUrl === undefined
            ? configuresItself(installation.ignitionUrl)
            : []),
        ...(installation.liveIgnitionUrl === undefined ? [] : configuresItself(installation.liveIgnitionUrl)),
        ...(network ?? [dhcp]),
        ...others,
      ]
    case 'installer':
      return [
        ...(network ?? [dhcp, 'rd.neednet=1']),
        ...others,
        'coreos.inst=yes',
        `coreos.inst.install_dev=${bareDisk(installation.disk)}`,
        `coreos.inst.image_url=${installation.metal.url}`,
        `coreos.inst.ignition_url=${installation.ignitionUrl}`,
      ]
    case 'system':
      return [...installation.arguments]
    case 'agent':
      // Disk and network are set in agent-config.yaml or nodes-config.yaml.
      return [
        `coreos.live.rootfs_url=${installation.rootfs.url}`,
        ...installation.kernelArguments,
        ...(network ?? []),
        ...others,
      ]
  }
}

type Families = Pick<NodeModel, 'bootsOverIpv6' | 'subnet' | 'reservation6'>

/**
 * With one method, NetworkManager does not wait for the addresses of the other version of IP, and `dhcp6` disables IPv4. The
 * installed system keeps that. With both, it waits for both, as installer-provisioned dual-stack clusters do.
 */
function dhcpMethods({ bootsOverIpv6, subnet, reservation6 }: Families): string {
  if (subnet !== undefined && reservation6 !== undefined) return 'dhcp,dhcp6'
  return bootsOverIpv6 === true ? 'dhcp6' : 'dhcp'
}

/** coreos-installer writes the disk and passes the file to the installed system. */
function installsFrom({ ignitionUrl, disk }: { ignitionUrl: string; disk: string }): string[] {
  return [`coreos.inst.install_dev=${disk}`, `coreos.inst.ignition_url=${ignitionUrl}`]
}

/** Activates multipath devices in the live system, and names the partitions that coreos-installer keeps. */
function diskArguments({
  multipath,
  savePartitions: { labels = [], indexes = [] } = {},
}: Pick<NodeModel, 'multipath' | 'savePartitions'>): string[] {
  return [
    ...(labels.length > 0 ? [`coreos.inst.save_partlabel=${labels.join(',')}`] : []),
    ...(indexes.length > 0 ? [`coreos.inst.save_partindex=${indexes.join(',')}`] : []),
    ...(multipath === true ? ['rd.multipath=default'] : []),
  ]
}

/** Configures the live system: to report the end of the installation, or to bootstrap a single-node cluster in memory. */
function configuresItself(ignitionUrl: string): string[] {
  return ['ignition.firstboot', 'ignition.platform.id=metal', `ignition.config.url=${ignitionUrl}`]
}

/** `ip=`, `nameserver=`, then `bond=` is the documented order; devices on top of these follow. */
const networkOrder = ['ip=', 'nameserver=', 'bond=', 'team=', 'bridge=', 'vlan=']

/**
 * Separates the network arguments. With a declared `ip=` a node is not configured by DHCP, and the documentation requires
 * `rd.neednet=1`. `network` is undefined without a declared `ip=`.
 */
function sortArguments(given: readonly string[]): { network: string[] | undefined; others: string[] } {
  const rank = (text: string) => networkOrder.indexOf(text.slice(0, text.indexOf('=') + 1))
  const isNetwork = (text: string) => rank(text) !== -1
  if (!given.some((text) => rank(text) === 0)) return { network: undefined, others: [...given] }
  const network = given.filter(isNetwork).sort((a, b) => rank(a) - rank(b))
  const others = given.filter((text) => !isNetwork(text))
  const neednet = others.includes('rd.neednet=1') ? [] : ['rd.neednet=1']
  return { network: [...network, ...neednet], others }
}

/** The 4.5 installer needs `sda` for `/dev/sda`, but the whole path for `/dev/disk/by-id/…`. */
function bareDisk(disk: string): string {
  const name = disk.slice('/dev/'.length)
  return name.includes('/') ? disk : name
}
