/**
 * What one network boot of a node leads to, before it is written in the syntax of a boot loader. The decision is the same
 * for all loaders (src/install/decide-boot.ts), so that no loader has a guard of its own (docs/decisions/0047).
 */
import type { MenuEntry, Role } from '../../site/schema.ts'
import { defined } from '../../text/defined.ts'
import type { IgnitionKind, ImageFacts, MissingFile } from '../facts.ts'
import type { Model, NodeModel } from '../model.ts'
import { kernelArguments } from './arguments.ts'
import { installationOf, type Bootable, type Installation, type RemoteFile } from './installation.ts'

export type MenuChoice = { readonly role: IgnitionKind; readonly installation: Installation }

export type BootPlan =
  | {
      readonly kind: 'install'
      readonly role: IgnitionKind
      readonly style: ImageFacts['style']
      /** Absent if the agent in the image chooses it. */
      readonly disk?: string
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      /** Not escaped, with the placeholder of the token. */
      readonly arguments: readonly string[]
    }
  /** Files are missing: the loader shows which, and tries again. */
  | { readonly kind: 'missing'; readonly role: IgnitionKind; readonly missing: readonly MissingFile[] }
  | {
      readonly kind: 'menu'
      readonly role: Role
      /** The Ignition file of the declared role. */
      readonly declared: IgnitionKind
      readonly disk?: string
      readonly default: MenuEntry
      /** 0: no time-out. */
      readonly timeoutSeconds: number
      readonly choices: readonly MenuChoice[]
    }
  | { readonly kind: 'local' }
  /** `role`: selected in the menu. */
  | {
      readonly kind: 'wait'
      readonly reason: string
      readonly canSkip: boolean
      readonly role?: IgnitionKind
    }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Another server of the site installs nodes; `installerUrl` is the URL of the boot script there. */
  | { readonly kind: 'elsewhere'; readonly installerUrl: string }
  /** The client is not the node: nothing of the node is shown. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Returns the installation of a node as `role`, or the files that are missing for it. */
export function planInstall(model: Model, node: NodeModel, role: IgnitionKind): BootPlan {
  const installation = installationOf(model, node, role)
  if (installation.kind === 'impossible') return { kind: 'missing', role, missing: installation.missing }
  const { style, kernel, initramfs } = installation
  return {
    kind: 'install',
    role,
    style,
    ...defined({ disk: diskOf(installation) }),
    kernel,
    initramfs,
    arguments: kernelArguments(node, installation),
  }
}

function diskOf(installation: Bootable): string | undefined {
  return installation.style === 'agent' ? undefined : installation.disk
}

/** @param roles that an administrator can choose */
export function planMenu(model: Model, node: NodeModel, roles: readonly IgnitionKind[]): BootPlan {
  const { role, ignition: declared, disk, menu } = node
  const choices = roles.map((each) => ({ role: each, installation: installationOf(model, node, each) }))
  return { kind: 'menu', role, declared, ...defined({ disk }), ...menu, choices }
}
