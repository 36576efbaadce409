/** Which nodes boot the script of another installer (`script`). Pure. */
import { isBooted } from './declared.ts'
import type { Cluster, Node, Site } from './schema.ts'

/** Returns the script that a node boots: its own, or that of its cluster. */
export function scriptOf(cluster: Pick<Cluster, 'script'>, node: Pick<Node, 'script'>): string | undefined {
  return node.script ?? cluster.script
}

/** Returns the scripts that nodes of the site boot, each once. */
export function scriptsOf({ clusters }: Pick<Site, 'clusters'>): string[] {
  const scripts = clusters.flatMap((cluster) =>
    cluster.nodes.flatMap((node) => (isBooted(cluster, node) ? (scriptOf(cluster, node) ?? []) : [])),
  )
  return [...new Set(scripts)]
}

/** Reports whether a script is at a URL, and not in a file. */
export function isScriptUrl(script: string): boolean {
  return /^https?:/.test(script)
}
