/**
 * What can still be judged of a site in which the schema found flaws, so that one run shows all problems:
 * flawed machines, clusters and subnets are left out, and the rules hear which sections are not whole.
 */
import { formatPath, type Path } from './problem.ts'
import { siteSchema, type Site } from './schema.ts'

export type Section = keyof Site

export type PartialSite = {
  /**
   * Its lists lack the flawed entries. Other broken sections hold their defaults, and a broken `site` or
   * `server` is not there at all, whatever the type says: only rules that need neither may look at it.
   */
  readonly site: Site
  /** Sections in which something is flawed, and with it left out. */
  readonly broken: ReadonlySet<Section>
  /** The path in the file of a path in {@link site}, whose lists may be shorter. */
  readonly original: (path: Path) => Path
}

const sections = Object.keys(siteSchema.shape) as Section[]
const listSections: readonly unknown[] = ['subnets', 'clusters', 'hosts'] satisfies Section[]

/** A site with nothing to leave out. */
export function untouched(site: Site): PartialSite {
  return { site, broken: new Set(), original: (path) => path }
}

/** @param flawed paths of all that was refused; the rest of `value` is what the schema asks for */
export function salvage(value: unknown, flawed: readonly Path[]): PartialSite {
  const isMap = !flawed.some((path) => path.length === 0)
  const written = (isMap ? value : {}) as Readonly<Record<string, unknown>>
  const cut = new Set(flawed.map((path) => formatPath(pieceOf(path))))
  const keptByList = new Map<string, readonly number[]>()

  function uncut(list: readonly unknown[], path: Path): number[] {
    return [...list.keys()].filter((index) => !cut.has(formatPath([...path, index])))
  }

  /** Of a list of clusters that are themselves in order: those with nodes left, and their nodes that are. */
  function remainingClusters(clusters: readonly { readonly nodes: readonly unknown[] }[]): unknown[] {
    const kept = uncut(clusters, ['clusters']).flatMap((index) => {
      const path = ['clusters', index, 'nodes']
      const cluster = clusters[index] as (typeof clusters)[number]
      const nodes = uncut(cluster.nodes, path)
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
    const kept = uncut(part, [section])
    keptByList.set(section, kept)
    return kept.map((index): unknown => part[index])
  }

  const parsed = sections.map((section) => {
    const result = siteSchema.shape[section].safeParse(remaining(section))
    // What fails now is a list with nothing left in it, or `site` or `server`.
    return [section, result.success ? result.data : listSections.includes(section) ? [] : undefined]
  })
  return {
    site: Object.fromEntries(parsed) as Site,
    broken: new Set(isMap ? flawed.map((path) => path[0] as Section) : sections),
    original: (path) =>
      path.reduce<Path>((whole, step) => {
        const kept = keptByList.get(formatPath(whole))
        return [...whole, kept === undefined ? step : (kept[step as number] as number)]
      }, []),
  }
}

/** What is left out for a flaw at `path`: a node, an entry of a list, or a section. */
function pieceOf(path: Path): Path {
  if (path[0] === 'clusters' && path[2] === 'nodes' && path.length > 3) return path.slice(0, 4)
  return listSections.includes(path[0]) ? path.slice(0, 2) : path.slice(0, 1)
}
