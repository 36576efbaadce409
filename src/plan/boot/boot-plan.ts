/**
 * What one network boot of a node leads to, before it is written in the syntax of a boot loader. The decision is the same
 * for all loaders (src/install/decide-boot.ts), so that no loader has a guard of its own (docs/decisions/0047).
 */
import type { MenuEntry } from '../../site/schema.ts'
import { isScriptUrl } from '../../site/boot-script.ts'
import { defined } from '../../text/defined.ts'
import type { InstallRole, ImageFacts, MissingFile } from '../facts.ts'
import type { Model, NodeModel } from '../model.ts'
import { shownDisk } from '../disks/target.ts'
import { readPlainScript } from './plain-script.ts'
import { kernelArguments } from './arguments.ts'
import { imageLoader } from '../dhcp/boot-table.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { installationOf, type Installation, type RemoteFile } from './installation.ts'
import { ownChoices, type OwnChoice } from './menu-entries.ts'

export type MenuChoice = { readonly role: InstallRole; readonly installation: Installation }

export type BootPlan =
  | {
      readonly kind: 'install'
      readonly role: InstallRole
      readonly style: ImageFacts['style']
      /** Absent if the agent in the image chooses it, or an answer file. */
      readonly disk?: string
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      /** A second initramfs, with the Ignition file of the live system. */
      readonly live?: RemoteFile
      /** What `live` is over HTTPS; absent without `server.tls`. */
      readonly liveArchive?: RemoteFile
      /** Not escaped, with the placeholder of the token. */
      readonly arguments: readonly string[]
      /** The shim that lets a signed iPXE start the kernel with Secure Boot; absent for other loaders. */
      readonly shim?: RemoteFile
      /** Fetched after the others, before the kernel starts: from then on, another installer may write the disk. */
      readonly handoverUrl?: string
    }
  /** The script of another installer that is not a plain list of a kernel and an initramfs, or not fetched yet. */
  | {
      readonly kind: 'script'
      readonly role: InstallRole
      /** URL or path. */
      readonly source: string
      /** The content; absent for a URL, which iPXE chains to. */
      readonly text?: string
      /** The kernel arguments that the site adds, if the script is plain. */
      readonly arguments: readonly string[]
      readonly handoverUrl: string
    }
  /** Files are missing: the loader shows which, and tries again. */
  | { readonly kind: 'missing'; readonly role: InstallRole; readonly missing: readonly MissingFile[] }
  | {
      readonly kind: 'menu'
      readonly role: NodeModel['role']
      /** The Ignition file of the declared role. */
      readonly declared: InstallRole
      readonly disk?: string
      readonly default: MenuEntry
      /** 0: no time-out. */
      readonly timeoutSeconds: number
      readonly choices: readonly MenuChoice[]
      /** The administrator's own entries. */
      readonly own: readonly OwnChoice[]
    }
  | { readonly kind: 'local' }
  /** `role`: selected in the menu. */
  | {
      readonly kind: 'wait'
      readonly reason: string
      readonly canSkip: boolean
      readonly role?: InstallRole
    }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Another server of the site installs nodes; `installerUrl` is the URL of the boot script there. */
  | { readonly kind: 'elsewhere'; readonly installerUrl: string }
  /** The client is not the node: nothing of the node is shown. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Returns the installation of a node as `role`, or the files that are missing for it. */
export function planInstall(model: Model, node: NodeModel, role: InstallRole): BootPlan {
  const installation = installationOf(model, node, role)
  if (installation.kind === 'impossible') return { kind: 'missing', role, missing: installation.missing }
  if (installation.style === 'script') {
    const { source, text, handoverUrl } = installation
    const script = {
      kind: 'script',
      role,
      source,
      arguments: node.kernelArguments,
      handoverUrl,
      ...defined({ text }),
    } as const
    return text === undefined ? script : readScript(script, text)
  }
  const { style, kernel, initramfs } = installation
  return {
    kind: 'install',
    role,
    style,
    ...defined({
      disk: installation.style === 'agent' ? undefined : shownDisk(node),
      liveArchive: 'liveArchive' in installation ? installation.liveArchive : undefined,
      handoverUrl: 'handoverUrl' in installation ? installation.handoverUrl : undefined,
    }),
    kernel,
    initramfs,
    ...defined({ shim: shimOf(model, node) }),
    arguments: kernelArguments(node, installation),
  }
}

/** Returns the plan of a script with this text: an installation that every loader can start, if the script is plain. */
export function readScript(script: Extract<BootPlan, { kind: 'script' }>, text: string): BootPlan {
  const { role, source, handoverUrl } = script
  const plain = readPlainScript(text, source)
  if (plain === undefined) return isScriptUrl(source) ? script : { ...script, text }
  const all = [...plain.arguments, ...script.arguments]
  return { kind: 'install', role, style: 'script', ...plain, arguments: all, handoverUrl }
}

/** The vendor of the kernel signed this shim's key for it, and Microsoft the shim. */
function shimOf({ endpoint, facts, site }: Model, node: NodeModel): RemoteFile | undefined {
  if (node.loader !== 'shim-ipxe') return undefined
  const name = site.images[node.image]?.architecture === 'aarch64' ? 'shimaa64.efi' : 'shimx64.efi'
  if (facts.images.get(node.image)?.signed?.has(name) !== true) return undefined
  return { name, url: absoluteUrl(endpoint, urlPaths.loader(imageLoader(node.image, name)), node) }
}

/** @param roles that an administrator can choose */
export function planMenu(model: Model, node: NodeModel, roles: readonly InstallRole[]): BootPlan {
  const { role, ignition: declared, menu } = node
  const { default: entry, timeoutSeconds } = menu
  const choices = roles.map((each) => ({ role: each, installation: installationOf(model, node, each) }))
  return {
    kind: 'menu',
    role,
    declared,
    ...defined({ disk: shownDisk(node) }),
    default: entry,
    timeoutSeconds,
    choices,
    own: ownChoices(model, node),
  }
}
