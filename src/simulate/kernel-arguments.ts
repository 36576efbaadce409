/** Reads a kernel command line as the CoreOS installers do, and compares it with the declaration of the node. */
import type { ScriptImage } from './ipxe-script.ts'
import type { ImageStyle } from '../plan/image-files.ts'
import type { NodeModel } from '../plan/model.ts'
import { BootProblem } from './timeline.ts'

/** URLs from which the installer downloads its system and the Ignition file of the node. */
export type Installation = {
  /** `rootfs`: the live system of 4.6 and later; `metal`: the disk image of 4.5. */
  readonly system: { readonly kind: 'rootfs' | 'metal'; readonly url: string }
} & (
  | { readonly kind: 'coreos'; readonly ignitionUrl: string; readonly disk: string }
  /** Its initramfs has an Ignition file with the rest. */
  | { readonly kind: 'agent' }
)

/** @throws {BootProblem} when a machine cannot boot or install with these arguments */
export function readInstallation(
  kernel: ScriptImage,
  initrds: readonly ScriptImage[],
  node: NodeModel,
  style?: ImageStyle,
): Installation {
  const { arguments: given } = kernel
  const valueOf = (name: string) =>
    given.find((argument) => argument.startsWith(`${name}=`))?.slice(name.length + 1)
  const demand = (name: string): string => {
    const value = valueOf(name)
    if (value === undefined) throw problem(node, `${name}= among the kernel arguments`, given.join(' '))
    return value
  }

  const initrd = demand('initrd')
  const names = initrds.map(({ name }) => name)
  // A UEFI kernel finds its initramfs only by this name, and panics without it.
  if (!names.includes(initrd)) throw problem(node, `an initrd named ${initrd}`, names.join(', ') || 'none')
  const isAgent = style === 'agent'
  if (!isAgent && valueOf('ip') === undefined)
    throw problem(node, 'ip= among the kernel arguments', given.join(' '))
  for (const argument of node.kernelArguments) {
    if (!given.includes(argument))
      throw problem(node, `${argument} among the kernel arguments`, given.join(' '))
  }

  if (isAgent) {
    return { kind: 'agent', system: { kind: 'rootfs', url: demand('coreos.live.rootfs_url') } }
  }
  if (node.ignition === 'single') return configuringItself(node, given, demand)

  const disk = demand('coreos.inst.install_dev')
  // The 4.5 installer reads `sda` as `/dev/sda`.
  if (disk !== node.disk && `/dev/${disk}` !== node.disk) {
    throw problem(node, `coreos.inst.install_dev=${node.disk ?? ''}`, disk)
  }
  const rootfs = valueOf('coreos.live.rootfs_url')
  const system =
    rootfs === undefined
      ? ({ kind: 'metal', url: demand('coreos.inst.image_url') } as const)
      : ({ kind: 'rootfs', url: rootfs } as const)
  return { kind: 'coreos', system, ignitionUrl: demand('coreos.inst.ignition_url'), disk }
}

/** A single node bootstraps its cluster in memory and writes the disk that its Ignition file names, not the arguments. */
function configuringItself(
  node: NodeModel,
  given: readonly string[],
  demand: (name: string) => string,
): Installation {
  if (given.some((argument) => argument.startsWith('coreos.inst.'))) {
    throw problem(node, 'no coreos.inst.*: a single node bootstraps itself, then installs', given.join(' '))
  }
  if (!given.includes('ignition.firstboot')) {
    throw problem(node, 'ignition.firstboot among the kernel arguments', given.join(' '))
  }
  demand('ignition.platform.id')
  const system = { kind: 'rootfs', url: demand('coreos.live.rootfs_url') } as const
  return { kind: 'coreos', system, ignitionUrl: demand('ignition.config.url'), disk: node.disk ?? 'its disk' }
}

function problem(node: NodeModel, expected: string, came: string): BootProblem {
  return new BootProblem(expected, came, `${node.key} in the site file, and its boot script`)
}
