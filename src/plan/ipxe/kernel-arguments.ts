/** Kernel command lines of both installers, in the order in which the OpenShift documents give them. */
import type { NodeModel } from '../model.ts'
import type { Installation } from './installation.ts'
import { argument } from './text.ts'

type Bootable = Extract<Installation, { kind: 'possible' }>

/** The arguments after the kernel's URL, each ready to stand in an iPXE script. */
export function kernelArguments(
  node: Pick<NodeModel, 'disk' | 'kernelArguments'>,
  installation: Bootable,
): string[] {
  const { network, others } = sortArguments(node.kernelArguments)
  const { ignitionUrl } = installation
  const all =
    installation.style === 'live'
      ? [
          // UEFI takes an initramfs only by name; BIOS does not mind.
          'initrd=main',
          `coreos.live.rootfs_url=${installation.rootfs.url}`,
          `coreos.inst.install_dev=${node.disk}`,
          `coreos.inst.ignition_url=${ignitionUrl}`,
          ...reports(installation.liveIgnitionUrl),
          ...(network ?? ['ip=dhcp']),
          ...others,
        ]
      : [
          ...(network ?? ['ip=dhcp', 'rd.neednet=1']),
          'initrd=main',
          ...others,
          'coreos.inst=yes',
          `coreos.inst.install_dev=${bareDisk(node.disk)}`,
          `coreos.inst.image_url=${installation.metal.url}`,
          `coreos.inst.ignition_url=${ignitionUrl}`,
        ]
  return all.map(argument)
}

/** An Ignition file for the live system, which then reports how its installer ended. */
function reports(liveIgnitionUrl: string | undefined): string[] {
  if (liveIgnitionUrl === undefined) return []
  return ['ignition.firstboot', 'ignition.platform.id=metal', `ignition.config.url=${liveIgnitionUrl}`]
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
