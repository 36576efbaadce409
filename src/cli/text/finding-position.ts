/** The position in the site file of what a finding is about, so that editors and terminals can open it. Pure. */
import { formatCidr } from '../../proto/address/ip.ts'
import type { Path } from '../../site/problem.ts'
import type { Site } from '../../site/schema.ts'
import type { Tree } from '../../site/yaml.ts'
import type { Finding } from '../../text/codes.ts'

export type Position = ReturnType<Tree['position']>

/** Returns undefined if the finding is about something that the site file does not name. */
export function findingPosition(
  { about }: Pick<Finding, 'about'>,
  site: Site,
  tree: Tree,
): Position | undefined {
  const path = pathOf(about, site)
  if (path === undefined || !tree.has(path)) return undefined
  return typeof path.at(-1) === 'string' ? tree.position(path, 'key') : tree.position(path)
}

function pathOf(about: string, site: Site): Path | undefined {
  const [kind = '', name = ''] = about.split(/,? (.*)/s)
  const clusterAt = (wanted: string) => site.clusters.findIndex((cluster) => cluster.name === wanted)
  switch (kind) {
    case 'image':
      return ['images', name]
    case 'cluster':
      return ['clusters', clusterAt(name)]
    case 'haproxy':
      return name === '' ? ['haproxy'] : ['clusters', clusterAt(name)]
    case 'host':
      return ['hosts', site.hosts.findIndex((host) => host.name === name)]
    case 'record':
      return ['dns', 'records', site.dns.records.findIndex((record) => record.name === name)]
    case 'subnet':
      return ['subnets', site.subnets.findIndex(({ cidr }) => formatCidr(cidr) === name)]
  }
  const [cluster = '', node] = kind.split('/')
  if (node === undefined) return cluster.split('.')
  const at = clusterAt(cluster)
  return ['clusters', at, 'nodes', site.clusters[at]?.nodes.findIndex((each) => each.name === node) ?? -1]
}
