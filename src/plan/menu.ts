/** The settings of the boot menu of a node. Pure. */
import type { OwnEntry } from '../site/menu-section.ts'
import type { Cluster, MenuEntry, Node, Site } from '../site/schema.ts'

export type MenuSettings = {
  readonly default: MenuEntry
  readonly timeoutSeconds: number
  /** Those of the site, the cluster, and the node; absent if there are none. */
  readonly entries?: readonly OwnEntry[]
}

/** Returns the menu of a node; its own entries override those of its cluster and of the site with the same title. */
export function menuOf(
  site: Pick<Site, 'menu'>,
  cluster: { readonly menu?: Cluster['menu'] },
  node: { readonly menu?: Node['menu'] },
): MenuSettings {
  const { default: entry, timeoutSeconds } = node.menu ??
    cluster.menu ?? { default: 'local', timeoutSeconds: 30 }
  const entries = [site, cluster, node].flatMap(({ menu }) => menu?.entries ?? [])
  const distinct = [...new Map(entries.map((each) => [each.title, each])).values()]
  return { default: entry, timeoutSeconds, ...(distinct.length > 0 && { entries: distinct }) }
}
