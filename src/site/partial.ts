/**
 * The valid part of a site that the schema rejects, so that one run reports all problems. Invalid machines, clusters,
 * and subnets are left out; the rules learn which sections are incomplete.
 */
import { formatPath, type Path } from './problem.ts'
import { siteSchema, type Section, type Site } from './schema.ts'

export type PartialSite = {
  /**
   * Its lists lack the invalid entries. Other broken sections have their defaults. A broken `site` or `server` is
   * undefined in spite of the type: only rules that need neither may use it.
   */
  readonly site: Site
  /** Sections from which something invalid was left out. */
  readonly broken: ReadonlySet<Section>
  /** Maps a path in {@link site}, whose lists may be shorter, to the path in the file. */
  readonly original: (path: Path) => Path
}

const sections = Object.keys(siteSchema.shape) as Section[]
const listSections: readonly unknown[] = ['subnets', 'clusters', 'hosts'] satisfies Section[]

/** Returns a valid site with nothing left out. */
export function wholeSite(site: Site): PartialSite {
  return { site, broken: new Set(), original: (path) => path }
}

/** @param invalid paths of everything that was rejected; the rest of `value` satisfies the schema */
export function partialSite(value: unknown, invalid: readonly Path[]): PartialSite {
  const isMap = !invalid.some((path) => path.length === 0)
  const written = (isMap ? value : {}) as Readonly<Record<string, unknown>>
  const cut = new Set(invalid.map((path) => formatPath(removedPart(path))))
  const keptByList = new Map<string, readonly number[]>()

  function validEntries(list: readonly unknown[], path: Path): number[] {
    return [...list.keys()].filter((index) => !cut.has(formatPath([...path, index])))
  }

  /** Returns the clusters that have valid nodes, each with these nodes only. */
  function remainingClusters(clusters: readonly { readonly nodes: readonly unknown[] }[]): unknown[] {
    const kept = validEntries(clusters, ['clusters']).flatMap((index) => {
      const path = ['clusters', index, 'nodes']
      const cluster = clusters[index] as (typeof clusters)[number]
      const nodes = validEntries(cluster.nodes, path)
      keptByList.set(formatPath(path), nodes)
      return nodes.length === 0
        ? []
        : [{ index, cluster: { ...cluster, nodes: nodes.map((at) => cluster.nodes[at]) } }]
    })
    keptByList.set(
      'clusters',
      kept.map(({ index }) => index),
    )
    return kept.map(({ cluster }) => cluster)
  }

  function remaining(section: Section): unknown {
    const part = written[section]
    if (cut.has(section)) return undefined
    if (!Array.isArray(part)) return part
    if (section === 'clusters') return remainingClusters(part)
    const kept = validEntries(part, [section])
    keptByList.set(section, kept)
    return kept.map((index): unknown => part[index])
  }

  const parsed = sections.map((section) => {
    const result = siteSchema.shape[section].safeParse(remaining(section))
    // What still fails is a list without valid entries, or `site` or `server`.
    return [section, result.success ? result.data : listSections.includes(section) ? [] : undefined]
  })
  return {
    site: Object.fromEntries(parsed) as Site,
    broken: new Set(isMap ? invalid.map((path) => path[0] as Section) : sections),
    original: (path) =>
      path.reduce<Path>((whole, step) => {
        const kept = keptByList.get(formatPath(whole))
        return [...whole, kept === undefined ? step : (kept[step as number] as number)]
      }, []),
  }
}

/** Returns what is left out for an invalid value at `path`: a node, an entry of a list, or a section. */
function removedPart(path: Path): Path {
  if (path[0] === 'clusters' && path[2] === 'nodes' && path.length > 3) return path.slice(0, 4)
  return listSections.includes(path[0]) ? path.slice(0, 2) : path.slice(0, 1)
}
