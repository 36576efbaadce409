/**
 * Reads a kernel command line and an Ignition file as the CoreOS installers do, and compares them with the declaration of the
 * node (coreos.github.io/ignition, v3 specs).
 */
import type { ScriptImage } from './ipxe-script.ts'
import type { ImageFacts } from '../plan/facts.ts'
import { diskText, installDevice, shownDisk } from '../plan/disks/target.ts'
import type { NodeModel } from '../plan/model.ts'
import { tokenPlaceholder } from '../plan/urls.ts'
import { defined } from '../text/defined.ts'
import { BootProblem } from './timeline.ts'
import { createHash } from 'node:crypto'

/** URLs from which the installer downloads its system and the Ignition file of the node. */
export type Installation =
  | CoreosInstallation
  /** The installer of another operating system; it requests `answers` with a token. */
  | { readonly kind: 'system'; readonly answers?: string }

export type CoreosInstallation = {
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
  style?: ImageFacts['style'],
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
  if (style === 'system') {
    const url = given
      .map((word) => /http:\S+/.exec(word)?.[0])
      .find((each) => each?.includes(tokenPlaceholder))
    // cloud-init requests files below a URL.
    return { kind: 'system', ...defined({ answers: url?.replace(/\/$/, '/user-data') }) }
  }
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
  const declared = node.disk === undefined ? '' : installDevice(node.disk)
  if (disk !== declared && `/dev/${disk}` !== declared) {
    throw problem(node, `coreos.inst.install_dev=${declared}`, disk)
  }
  const rootfs = valueOf('coreos.live.rootfs_url')
  const system =
    rootfs === undefined
      ? ({ kind: 'metal', url: demand('coreos.inst.image_url') } as const)
      : ({ kind: 'rootfs', url: rootfs } as const)
  const shown = node.disk?.kind === 'hints' ? diskText(node.disk) : disk
  return { kind: 'coreos', system, ignitionUrl: demand('coreos.inst.ignition_url'), disk: shown }
}

/** A single node bootstraps its cluster in memory and writes the disk that its Ignition file names, not the arguments. */
function configuringItself(
  node: NodeModel,
  given: readonly string[],
  demand: (name: string) => string,
): CoreosInstallation {
  if (given.some((argument) => argument.startsWith('coreos.inst.'))) {
    throw problem(node, 'no coreos.inst.*: a single node bootstraps itself, then installs', given.join(' '))
  }
  if (!given.includes('ignition.firstboot')) {
    throw problem(node, 'ignition.firstboot among the kernel arguments', given.join(' '))
  }
  demand('ignition.platform.id')
  const system = { kind: 'rootfs', url: demand('coreos.live.rootfs_url') } as const
  return {
    kind: 'coreos',
    system,
    ignitionUrl: demand('ignition.config.url'),
    disk: shownDisk(node) ?? 'its disk',
  }
}

function problem(node: NodeModel, expected: string, came: string): BootProblem {
  return new BootProblem(expected, came, `${node.key} in the site file, and its boot script`)
}

/**
 * @returns its version
 * @throws {BootProblem}
 */
export function readIgnition(text: string, url: string): string {
  const version = versionOf(text)
  // RHCOS since 4.6 reads specification 3; 4.5 and before read 2.
  if (typeof version === 'string' && /^[23]\.\d+\.\d+$/.test(version)) return version
  throw new BootProblem(
    `an Ignition file with a version 2.x or 3.x from ${url}`,
    version === undefined ? 'a file without ignition.version' : JSON.stringify(version),
    'the directory of the key ignition in the site file',
  )
}

/**
 * Returns size and digest of the role's file inside a wrapper, as Ignition merges it.
 *
 * @throws {BootProblem}
 */
export function mergedFile(text: string, url: string): { readonly octets: number; readonly sha256: string } {
  const prefix = 'data:;base64,'
  const source = firstMerged(text)
  if (source?.startsWith(prefix) !== true) {
    throw new BootProblem(
      `a configuration to merge in the file from ${url}`,
      source === undefined ? 'none' : `one from ${source.slice(0, 80)}`,
      'files, hostname, and networkKeyfiles of the node in the site file',
    )
  }
  const role = Buffer.from(source.slice(prefix.length), 'base64')
  return { octets: role.length, sha256: createHash('sha256').update(role).digest('hex') }
}

type Wrapper = {
  readonly ignition?: { readonly config?: { readonly merge?: readonly { readonly source?: string }[] } }
}

function firstMerged(text: string): string | undefined {
  try {
    return (JSON.parse(text) as Wrapper | null)?.ignition?.config?.merge?.[0]?.source
  } catch {
    return undefined
  }
}

function versionOf(text: string): unknown {
  try {
    const file = JSON.parse(text) as { readonly ignition?: { readonly version?: unknown } } | null
    return file?.ignition?.version
  } catch {
    return 'text that is not JSON'
  }
}
