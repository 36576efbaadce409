/** The URL space, in one place: what DHCP hands out, scripts name and HTTP serves must be the same text. */
import type { Role } from '../site/schema.ts'
import type { IgnitionKind, LoaderName } from './facts.ts'
import { httpBase, type Endpoint, type NodeModel } from './model.ts'

type NodeKey = Pick<NodeModel, 'key'>

/** Paths begin with `/`; {@link absoluteUrl} makes them absolute. */
export const urlPaths = {
  health: '/health',
  metrics: '/metrics',
  /** What DHCP gives to iPXE: the node's installation, menu or local boot, whichever the site says. */
  bootScript: (node: NodeKey) => `/boot/${node.key}/boot.ipxe`,
  menuScript: (node: NodeKey) => `/boot/${node.key}/menu.ipxe`,
  installScript: (node: NodeKey, role: Exclude<Role, 'infra'>) => `/boot/${node.key}/install-${role}.ipxe`,
  ignition: (node: NodeKey, kind: IgnitionKind) => `/boot/${node.key}/${kind}.ign`,
  /** What UEFI HTTP Boot fetches; it goes by the end of the name. */
  loader: (name: LoaderName) => `/loaders/${name}`,
  /** `file` may hold characters that a URL must escape. */
  image: (image: string, file: string) => `/images/${encodeURIComponent(image)}/${encodeURIComponent(file)}`,
}

export function absoluteUrl(endpoint: Endpoint, path: string): string {
  return httpBase(endpoint) + path
}
