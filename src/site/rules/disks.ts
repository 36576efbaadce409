/** Which disks nodes are installed on, and what the ways to install can do with them. */
import {
  declaredClusters,
  declaredGroups,
  declaredNodes,
  isBooted,
  repetitions,
  type OwnedNode,
  type Owner,
} from '../declared.ts'
import type { Path, Rule, RuleViolation } from '../problem.ts'
import type { Node, Site } from '../schema.ts'

export const diskKeys = ['disk', 'mirror', 'multipath', 'savePartitions'] as const

type DiskKey = (typeof diskKeys)[number]
type Settings = Pick<Node, DiskKey>

function owners(site: Site): { readonly path: Path; readonly settings: Settings }[] {
  return [
    ...[...declaredClusters(site), ...declaredGroups(site)].map(({ path, cluster }) => ({
      path,
      settings: cluster,
    })),
    ...declaredNodes(site).map(({ path, node }) => ({ path, settings: node })),
  ]
}

const oneTarget: Rule = {
  code: 'site.disk-and-mirror',
  needs: [],
  check: (site) =>
    owners(site).flatMap(({ path, settings: { disk, mirror } }): RuleViolation[] => {
      if (disk === undefined || mirror === undefined) return []
      return [{ path: [...path, 'mirror'], expected: 'either disk or mirror', other: [...path, 'disk'] }]
    }),
}

const distinctMembers: Rule = {
  code: 'site.mirror-disk-repeated',
  needs: [],
  check: (site) =>
    owners(site).flatMap(({ path, settings: { mirror = [] } }) =>
      repetitions(
        mirror.map((disk, index) => ({ disk, path: [...path, 'mirror', index] })),
        ({ disk }) => disk,
      ).map(({ first, again }): RuleViolation => ({
        path: again.path,
        expected: 'another disk: a mirror needs different disks',
        other: first.path,
      })),
    ),
}

/** Ignition creates the partition tables of a mirror, so that no partition remains. */
const keptAndMirrored: Rule = {
  code: 'site.mirror-not-combinable',
  needs: [],
  check: (site) =>
    inherited(site, (settings) => {
      if (settings.mirror === undefined) return undefined
      if (settings.savePartitions !== undefined) {
        return ['savePartitions', 'remove savePartitions: Ignition erases all partitions of a mirror']
      }
      return settings.multipath === true
        ? ['multipath', 'remove multipath: a mirror consists of disks with one path']
        : undefined
    }),
}

/** The unit that compares the disks and the file with the kernel arguments are in the Ignition file of the live system. */
const needsLiveIgnition: Rule = {
  code: 'site.disk-needs-callbacks',
  needs: [],
  check: (site) =>
    inherited(site, ({ disk, mirror, multipath }, { callbacks }) => {
      if (callbacks) return undefined
      if (mirror === undefined && typeof disk === 'object') {
        return ['disk', 'hints need callbacks: true, because a unit of the live system compares the disks']
      }
      return multipath === true
        ? ['multipath', 'multipath needs callbacks: true, because a file of the live system has its settings']
        : undefined
    }),
}

const fixedOnSingleNode: Rule = {
  code: 'site.disk-of-single-node',
  needs: [],
  check: (site) =>
    inherited(site, ({ disk, mirror, multipath, savePartitions }, _, node) => {
      if (!('role' in node) || node.role !== 'single') return undefined
      const why =
        'the Ignition file of a single node installs to bootstrapInPlace.installationDisk of install-config.yaml'
      if (mirror !== undefined) return ['mirror', `set disk instead of mirror: ${why}`]
      if (typeof disk === 'object') return ['disk', `expected a path instead of hints: ${why}`]
      if (multipath === true) return ['multipath', `remove multipath: ${why}`]
      return savePartitions === undefined ? undefined : ['savePartitions', `remove savePartitions: ${why}`]
    }),
}

const savedTwice: Rule = {
  code: 'site.saved-partitions-repeated',
  needs: [],
  check: (site) =>
    inherited(site, ({ savePartitions }, cluster, node) => {
      const given = [...(cluster.kernelArguments ?? []), ...(node.kernelArguments ?? [])]
      return savePartitions !== undefined &&
        given.some((argument) => /^coreos\.inst\.save_part/.test(argument))
        ? ['savePartitions', 'remove either savePartitions or coreos.inst.save_part… in kernelArguments']
        : undefined
    }),
}

type Problem = readonly [key: DiskKey, message: string]

/** Checks the settings of each node with those that it inherits, and reports each key of the site file once. */
function inherited(
  site: Site,
  problemOf: (settings: Settings, owner: Owner, node: OwnedNode) => Problem | undefined,
): RuleViolation[] {
  const found = new Map<string, RuleViolation>()
  for (const { path, cluster, node } of declaredNodes(site)) {
    if (!isBooted(cluster, node)) continue
    const own = node.disk !== undefined || node.mirror !== undefined ? node : cluster
    const multipath = node.multipath ?? cluster.multipath
    const savePartitions = node.savePartitions ?? cluster.savePartitions
    const problem = problemOf(
      { disk: own.disk, mirror: own.mirror, multipath, savePartitions },
      cluster,
      node,
    )
    if (problem === undefined) continue
    const [key, message] = problem
    const at = [...(node[key] === undefined ? path.slice(0, 2) : path), key]
    found.set(JSON.stringify(at), { path: at, message })
  }
  return [...found.values()]
}

export const diskRules = [
  oneTarget,
  distinctMembers,
  keptAndMirrored,
  needsLiveIgnition,
  fixedOnSingleNode,
  savedTwice,
]
