/** All URL paths, because those that DHCP sends, scripts name, and HTTP serves must be equal. */
import { otherSystems } from '../site/other-systems.ts'
import { bootSyntaxes, type BootSyntax } from './boot/syntax.ts'
import { ignitionKinds, type InstallRole, type ImageLoaderName, type LoaderName } from './facts.ts'
import { httpBase, type Endpoint, type NodeModel } from './model.ts'

/** Placeholder in scripts for the token of an installation, which the server inserts. */
export const tokenPlaceholder = '@token-of-the-install@'
/** 128 bits in base64url; the placeholder is as long, so that a script has the same length with either (RFC 9110 §8.6). */
export const tokenCharacters = 22

export const handoverName = 'handover'
export const grubOverHttpName = 'http.grub'

type NodeKey = Pick<NodeModel, 'key'>

/** Reports of a node: its disk is written, its installed system has started, its installer failed. */
export type Callback = 'written' | 'started' | 'failed'

/** Paths start with `/`; {@link absoluteUrl} makes them absolute. */
export const urlPaths = {
  health: '/health',
  metrics: '/metrics',
  /** The script of the node that has the address of the client. */
  ownScript: '/boot.ipxe',
  /** The script that boots undeclared machines into the inventory system. */
  inventoryScript: '/inventory/boot.ipxe',
  inventoryKernel: '/inventory/kernel',
  inventoryInitrd: '/inventory/initrd',
  /** Receives what the inventory system reports. */
  inventoryReport: '/inventory',
  /** The script that DHCP names to iPXE: installation, menu, or local boot, depending on the state of the node. */
  bootScript: (node: NodeKey) => `/boot/${node.key}/boot.ipxe`,
  menuScript: (node: NodeKey) => `/boot/${node.key}/menu.ipxe`,
  installScript: (node: NodeKey, role: InstallRole) => `/boot/${node.key}/install-${role}.ipxe`,
  localScript: (node: NodeKey) => `/boot/${node.key}/local.ipxe`,
  /** A script of GRUB that only shows that this GRUB can read HTTP. */
  grubOverHttp: (node: NodeKey) => `/boot/${node.key}/${grubOverHttpName}`,
  /** Without a token, for clusters with `ignitionAccess: open`. */
  openIgnition: (node: NodeKey, kind: InstallRole) => `/boot/${node.key}/${kind}.ign`,
  ignition: (node: NodeKey, kind: InstallRole) => `/boot/${node.key}/${tokenPlaceholder}/${kind}.ign`,
  /** Ignition file of the live system that runs the installer. */
  liveIgnition: (node: NodeKey) => `/boot/${node.key}/${tokenPlaceholder}/live.ign`,
  /** The same for a role, with the CA of HTTPS and the hash of the Ignition file of the role. */
  secureLiveIgnition: (node: NodeKey, role: InstallRole) =>
    `/boot/${node.key}/${tokenPlaceholder}/live-${role}.ign`,
  /** That file as an initramfs, which a boot loader with HTTPS adds to that of the image. */
  liveArchive: (node: NodeKey, role: InstallRole) => `/boot/${node.key}/${tokenPlaceholder}/live-${role}.img`,
  /** An initramfs that contains secrets, such as that of an agent. */
  secretImage: (node: NodeKey, file: string) =>
    `/boot/${node.key}/${tokenPlaceholder}/${encodeURIComponent(file)}`,
  /** The last file of a script of another installer: from then on, that installer may write the disk. */
  handover: (node: NodeKey) => `/boot/${node.key}/${tokenPlaceholder}/${handoverName}`,
  /** A file for the installer of another operating system; the name `''` is the directory with a slash. */
  answers: (node: NodeKey, file: string) =>
    `/boot/${node.key}/${tokenPlaceholder}/${encodeURIComponent(file)}`,
  /** The key of an answer file in the plan. */
  plannedAnswers: (node: NodeKey, file: string) => `/boot/${node.key}/${file}`,
  /** What the live system reports about the target disk, before the installer starts. */
  diskCheck: (node: NodeKey) => `/boot/${node.key}/${tokenPlaceholder}/disk`,
  callback: (node: NodeKey, stage: Callback) => `/boot/${node.key}/${tokenPlaceholder}/${stage}`,
  /** UEFI HTTP Boot checks the end of the name. */
  loader: (name: LoaderName | ImageLoaderName) => `/loaders/${name}`,
  /** `file` may contain characters that a URL must escape. */
  image: (image: string, file: string) => `/images/${encodeURIComponent(image)}/${encodeURIComponent(file)}`,
}

const liveName = new RegExp(
  `^live-(?<role>${[...ignitionKinds, ...otherSystems].join('|')})\\.(?<extension>ign|img)$`,
)

/** Reads the name of a file of the live system: its Ignition file for a role, or the archive of that file. */
export function readLiveName(
  file: string,
): { readonly role: InstallRole; readonly isArchive: boolean } | undefined {
  const groups = liveName.exec(file)?.groups
  return groups && { role: groups['role'] as InstallRole, isArchive: groups['extension'] === 'img' }
}

/** Boot scripts in all syntaxes: `boot.ipxe`, `menu.grub`, `install-master.grub`, `skip-boot.grub`. */
const scriptName = new RegExp(
  `^(?<skip>skip-)?(?:(?<name>boot|menu|local)|install-(?<role>${[...ignitionKinds, ...otherSystems].join('|')}))\\.(?<syntax>${bootSyntaxes.join('|')})$`,
)

export type ScriptName = {
  readonly name: 'boot' | 'menu' | 'local' | 'install'
  /** Selected in the menu. */
  readonly role?: InstallRole
  readonly syntax: BootSyntax
  /** Whether an administrator skipped the wait. */
  readonly isSkipping: boolean
}

/** The names that were read: there are only as many as the expression matches. */
const scriptNames = new Map<string, ScriptName>()

/** Reads the last segment of the path of a script. */
export function readScriptName(file: string): ScriptName | undefined {
  const known = scriptNames.get(file)
  if (known !== undefined) return known
  const read = matchScriptName(file)
  if (read !== undefined) scriptNames.set(file, read)
  return read
}

function matchScriptName(file: string): ScriptName | undefined {
  const groups = scriptName.exec(file)?.groups
  if (groups === undefined) return undefined
  const { skip, name = 'install', role, syntax } = groups
  return {
    name: name as ScriptName['name'],
    ...(role !== undefined && { role: role as InstallRole }),
    syntax: syntax as BootSyntax,
    isSkipping: skip !== undefined,
  }
}

/** Returns the path of the script that decides, or of the one that installs `role` if an administrator selected it. */
export function scriptPath(
  node: NodeKey,
  syntax: BootSyntax,
  role?: InstallRole,
  isSkipping = false,
): string {
  const name = role === undefined ? 'boot' : `install-${role}`
  return `/boot/${node.key}/${isSkipping ? 'skip-' : ''}${name}.${syntax}`
}

/** Returns the key of the node of a path; undefined for other paths. */
export function nodeOfPath(path: string): string | undefined {
  const [, directory, cluster, name, file] = path.split('/', 5)
  return directory === 'boot' && file !== undefined ? `${cluster}/${name}` : undefined
}

/** @param node the client: a node that boots over IPv6 gets a URL with the IPv6 address of this server */
export function absoluteUrl(
  endpoint: Endpoint,
  path: string,
  node?: Pick<NodeModel, 'bootsOverIpv6'>,
): string {
  return httpBase(endpoint, node) + path
}
