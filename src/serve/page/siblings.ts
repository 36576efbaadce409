/** Boots of similar nodes, so that an administrator can see which step of a node takes longer than usual. Pure. */
import type { NodeDetails, Reports } from '../../install/reports.ts'
import type { Boot } from '../../install/timeline.ts'

export type SiblingBoot = { readonly node: string; readonly boot: Boot }

const maxSiblings = 5

/** Returns the latest installation of nodes with the same cluster and role, or their latest boot; latest first. */
export function siblingBoots(
  reports: Pick<Reports, 'list' | 'details'>,
  { node: own, role }: Pick<NodeDetails, 'node' | 'role'>,
): SiblingBoot[] {
  const cluster = clusterOf(own)
  return reports
    .list()
    .filter((each) => each.node !== own && each.role === role && clusterOf(each.node) === cluster)
    .filter(({ lastSeen }) => lastSeen !== undefined)
    .sort((a, b) => (b.lastSeen ?? 0) - (a.lastSeen ?? 0))
    .slice(0, maxSiblings)
    .flatMap(({ node }) => {
      const boots = reports.details(node)?.boots ?? []
      const boot = boots.findLast(isInstallation) ?? boots.at(-1)
      return boot === undefined ? [] : [{ node, boot }]
    })
}

export function isInstallation({ steps }: Boot): boolean {
  return steps.some(({ kind }) => kind === 'install-script')
}

function clusterOf(key: string): string {
  return key.slice(0, key.indexOf('/'))
}
