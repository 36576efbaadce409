/** What an edit of a site's text must leave as it was: everything but the nodes that it is about. Pure. */
import type { Site } from './schema.ts'

/** Two texts that are equal say the same of all other nodes, and of the site. @param keys `<cluster>/<name>` */
export function everythingBut(site: Site, keys: readonly string[]): string {
  const clusters = site.clusters.map((cluster) => ({
    ...cluster,
    nodes: cluster.nodes.filter(({ name }) => !keys.includes(`${cluster.name}/${name}`)),
  }))
  return JSON.stringify({ ...site, clusters })
}
