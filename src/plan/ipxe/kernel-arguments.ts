/** Kernel command lines of all installers, in the order in which the OpenShift documents give them. */
import type { NodeModel } from '../model.ts'
import type { Installation } from './installation.ts'
import { argument } from './text.ts'

type Bootable = Extract<Installation, { kind: 'possible' }>

/** The arguments after the kernel's URL, each ready to stand in an iPXE script. */
export function kernelArguments(node: Pick<NodeModel, 'kernelArguments'>, installation: Bootable): string[] {
  const { network, others } = sortArguments(node.kernelArguments)
  switch (installation.style) {
    case 'live':
      return [
        // UEFI takes an initramfs only by name; BIOS does not mind.
        'initrd=main',
        `coreos.live.rootfs_url=${installation.rootfs.url}`,
        ...(installation.ignition === 'single'
          ? configuresItself(installation.ignitionUrl)
          : installsFrom(installation)),
        ...(installation.liveIgnitionUrl === undefined ? [] : configuresItself(installation.liveIgnitionUrl)),
        ...(network ?? ['ip=dhcp']),
        ...others,
      ].map(argument)
    case 'installer':
      return [
        ...(network ?? ['ip=dhcp', 'rd.neednet=1']),
        'initrd=main',
        ...others,
        'coreos.inst=yes',
        `coreos.inst.install_dev=${bareDisk(installation.disk)}`,
        `coreos.inst.image_url=${installation.metal.url}`,
        `coreos.inst.ignition_url=${installation.ignitionUrl}`,
      ].map(argument)
    case 'agent':
      // Its disk and its network are in agent-config.yaml or nodes-config.yaml.
      return [
        'initrd=main',
        `coreos.live.rootfs_url=${installation.rootfs.url}`,
        ...installation.kernelArguments,
        ...(network ?? []),
        ...others,
      ].map(argument)
  }
}

/** coreos-installer writes the disk, and hands the file to the system that it wrote. */
function installsFrom({ ignitionUrl, disk }: { ignitionUrl: string; disk: string }): string[] {
  return [`coreos.inst.install_dev=${disk}`, `coreos.inst.ignition_url=${ignitionUrl}`]
}

/** The live system itself is configured: to report how its installer ended, or to bootstrap a cluster in memory and install it. */
function configuresItself(ignitionUrl: string): string[] {
  return ['ignition.firstboot', 'ignition.platform.id=metal', `ignition.config.url=${ignitionUrl}`]
}

/** `ip=`, `nameserver=`, then `bond=`: the order that the documents ask for; what builds on these follows. */
const networkOrder = ['ip=', 'nameserver=', 'bond=', 'team=', 'bridge=', 'vlan=']

/**
 * Takes out what configures the network. With an `ip=` of its own a node is not configured by DHCP, and
 * the documents demand `rd.neednet=1`; `network` is undefined when there is no `ip=`.
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

/** The 4.5 installer wants `sda` for `/dev/sda`; a path below that, such as `/dev/disk/by-id/…`, stays whole. */
function bareDisk(disk: string): string {
  const name = disk.slice('/dev/'.length)
  return name.includes('/') ? disk : name
}
