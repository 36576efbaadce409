/** The URL space, in one place: what DHCP hands out, scripts name and HTTP serves must be the same text. */
import type { Role } from '../site/schema.ts'
import type { IgnitionKind, LoaderName } from './facts.ts'
import { httpBase, type Endpoint, type NodeModel } from './model.ts'

/** Stands in scripts where serving puts the token of the installation that begins. */
export const tokenPlaceholder = '@token@'
/** 128 bits in base64url. */
export const tokenCharacters = 22

type NodeKey = Pick<NodeModel, 'key'>

/** How a node says that its disk is written, that its installed system has started, that its installer gave up. */
export type Callback = 'written' | 'started' | 'failed'

/** Paths begin with `/`; {@link absoluteUrl} makes them absolute. */
export const urlPaths = {
  health: '/health',
  metrics: '/metrics',
  /** What DHCP gives to iPXE: the node's installation, menu or local boot, whichever is due. */
  bootScript: (node: NodeKey) => `/boot/${node.key}/boot.ipxe`,
  menuScript: (node: NodeKey) => `/boot/${node.key}/menu.ipxe`,
  installScript: (node: NodeKey, role: Exclude<Role, 'infra'>) => `/boot/${node.key}/install-${role}.ipxe`,
  localScript: (node: NodeKey) => `/boot/${node.key}/local.ipxe`,
  /** For everybody, where the site opens its Ignition files to everybody. */
  openIgnition: (node: NodeKey, kind: IgnitionKind) => `/boot/${node.key}/${kind}.ign`,
  ignition: (node: NodeKey, kind: IgnitionKind) => `/boot/${node.key}/${tokenPlaceholder}/${kind}.ign`,
  /** For the live system that runs the installer. */
  liveIgnition: (node: NodeKey) => `/boot/${node.key}/${tokenPlaceholder}/live.ign`,
  /** An initramfs that holds keys, as an agent's does. */
  secretImage: (node: NodeKey, file: string) =>
    `/boot/${node.key}/${tokenPlaceholder}/${encodeURIComponent(file)}`,
  callback: (node: NodeKey, stage: Callback) => `/boot/${node.key}/${tokenPlaceholder}/${stage}`,
  /** What UEFI HTTP Boot fetches; it goes by the end of the name. */
  loader: (name: LoaderName) => `/loaders/${name}`,
  /** `file` may hold characters that a URL must escape. */
  image: (image: string, file: string) => `/images/${encodeURIComponent(image)}/${encodeURIComponent(file)}`,
}

export function absoluteUrl(endpoint: Endpoint, path: string): string {
  return httpBase(endpoint) + path
}
