/**
 * Loads the text of a site file: YAML, then the schema, then the rules. Returns the site, or everything that is wrong with it.
 * Rules also check the valid part of a site that the schema rejects, so that one run reports all problems.
 */
import type { SiteCode } from './codes.ts'
import { folderOf, withAbsolutePaths } from './file-paths.ts'
import { defined } from '../text/defined.ts'
import { formatPath, subjectOf, type Problem, type Violation, type Rule, type Path } from './problem.ts'
import { expectation, schemaViolations } from './schema-violations.ts'
import { siteSchema, type Site, type Section } from './schema.ts'
import { readYaml, type ParseError, type Tree } from './yaml.ts'
import { bootRules, nodeFileRules } from './rules/boot.ts'
import { diskRules } from './rules/disks.ts'
import { loaderRules } from './rules/loader.ts'
import { groupRules } from './rules/groups.ts'
import { balancerRules, clusterRules } from './rules/clusters.ts'
import { inventoryRules } from './rules/inventory.ts'
import { machineRules } from './rules/machines.ts'
import { nameRules } from './rules/names.ts'
import { nodeAddressRules } from './rules/node-addresses.ts'
import { nodeNetworkRules } from './rules/node-network.ts'
import { networkRules, transferPortRules } from './rules/networks.ts'
import { syslogRules } from './rules/syslog.ts'
import { network6Rules } from './rules/networks6.ts'
import { recordRules } from './rules/records.ts'
import { servedFileRules } from './rules/served-files.ts'

export type Loaded =
  | { readonly kind: 'site'; readonly site: Site }
  /** At least one, ordered as in the file. */
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }

/**
 * Reports all problems at once: the rules check whatever the schema accepts.
 *
 * @param file absolute path; relative paths in the site are resolved against its directory
 */
export function loadSite(text: string, file: string): Loaded {
  const { errors, tree } = readYaml(text.replace(/^\ufeff/, ''))
  if (tree === undefined) return problems(errors, file)
  if (tree.value === undefined || tree.value === null) {
    const message = 'the file is empty, expected a site'
    return problems([{ code: 'site.empty', line: 1, column: 1, path: [], message }], file)
  }

  const parsed = siteSchema.safeParse(tree.value, { error: expectation })
  const rejected = parsed.success ? [] : schemaViolations(parsed.error.issues, tree)
  const isValid = parsed.success && errors.length === 0
  const checked = isValid
    ? wholeSite(parsed.data)
    : partialSite(
        tree.value,
        [...rejected, ...errors].map(({ path }) => path),
      )
  const violations = [...rejected, ...ruleViolations(checked)]
  if (isValid && violations.length === 0) {
    return { kind: 'site', site: withAbsolutePaths(parsed.data, folderOf(file)) }
  }
  const reported = new Set(errors.map(positionKey))
  // An unknown alias also has no value, but it is already reported.
  const rest = violations
    .map((violation) => located(violation, tree))
    .filter((error) => !reported.has(positionKey(error)))
  const named = errors.map((error) => ({ ...error, subject: nameOf(error.path, tree) }))
  return problems([...named, ...rest], file)
}

type Located = Omit<ParseError, 'code'> & { readonly code: SiteCode; readonly subject?: string | undefined }

function located(violation: Violation, tree: Tree): Located {
  const { code, path, at, other } = violation
  const message =
    'message' in violation
      ? violation.message
      : `got ${violation.got ?? tree.quote(path)}, expected ${violation.expected}`
  const reference = other === undefined ? '' : ` (line ${tree.position(other).line})`
  const subject = nameOf(path, tree)
  return { ...tree.position(path, at), code, path, subject, message: message + reference }
}

/** Returns the path with the names of its cluster and its node. */
function nameOf(path: Path, tree: Tree): string | undefined {
  return subjectOf(path, (each) => (tree.has(each) ? tree.get(each) : undefined))
}

function positionKey({ line, column }: { readonly line: number; readonly column: number }): string {
  return `${line}:${column}`
}

function problems(found: readonly Located[], file: string): Loaded {
  const sorted = found
    .map(({ path, subject, ...rest }) => ({ file, ...rest, path: formatPath(path), ...defined({ subject }) }))
    .sort((a, b) => a.line - b.line || a.column - b.column)
  return { kind: 'problems', problems: sorted }
}

const rules: readonly Rule[] = [
  ...networkRules,
  ...network6Rules,
  ...transferPortRules,
  ...nameRules,
  ...recordRules,
  ...machineRules,
  ...clusterRules,
  ...balancerRules,
  ...bootRules,
  ...diskRules,
  ...loaderRules,
  ...nodeFileRules,
  ...nodeNetworkRules,
  ...nodeAddressRules,
  ...syslogRules,
  ...servedFileRules,
  ...inventoryRules,
  ...groupRules,
]

/** Runs every rule that can check what is left of the site; paths are those of the file. */
function ruleViolations({ site, broken, original }: PartialSite): Violation[] {
  return rules
    .filter((rule) => !rule.needs.some((section) => broken.has(section)))
    .flatMap(({ code, check }) =>
      check(site).map((breach) => ({
        ...breach,
        code,
        path: original(breach.path),
        ...(breach.other && { other: original(breach.other) }),
      })),
    )
}

type PartialSite = {
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
const ownerSections: readonly unknown[] = ['clusters', 'groups'] satisfies Section[]
const listSections: readonly unknown[] = [
  'subnets',
  'subnets6',
  'clusters',
  'groups',
  'hosts',
] satisfies Section[]

/** Returns a valid site with nothing left out. */
function wholeSite(site: Site): PartialSite {
  return { site, broken: new Set(), original: (path) => path }
}

/** @param invalid paths of everything that was rejected; the rest of `value` satisfies the schema */
function partialSite(value: unknown, invalid: readonly Path[]): PartialSite {
  const isMap = !invalid.some((path) => path.length === 0)
  const written = (isMap ? value : {}) as Readonly<Record<string, unknown>>
  const cut = new Set(invalid.map((path) => formatPath(removedPart(path))))
  const keptByList = new Map<string, readonly number[]>()

  function validEntries(list: readonly unknown[], path: Path): number[] {
    return [...list.keys()].filter((index) => !cut.has(formatPath([...path, index])))
  }

  /** Returns the clusters or groups that have valid nodes, each with these nodes only. */
  function remainingOwners(
    clusters: readonly { readonly nodes: readonly unknown[] }[],
    section: string,
  ): unknown[] {
    const kept = validEntries(clusters, [section]).flatMap((index) => {
      const path = [section, index, 'nodes']
      const cluster = withoutKeys(clusters[index] as (typeof clusters)[number], [section, index], cut)
      const nodes = validEntries(cluster.nodes, path)
      keptByList.set(formatPath(path), nodes)
      return nodes.length === 0
        ? []
        : [{ index, cluster: { ...cluster, nodes: nodes.map((at) => cluster.nodes[at]) } }]
    })
    keptByList.set(
      section,
      kept.map(({ index }) => index),
    )
    return kept.map(({ cluster }) => cluster)
  }

  function remaining(section: Section): unknown {
    const part = written[section]
    if (cut.has(section)) return undefined
    if (!Array.isArray(part)) return part
    if (ownerSections.includes(section)) return remainingOwners(part, section)
    const kept = validEntries(part, [section])
    keptByList.set(section, kept)
    return kept.map((index): unknown => part[index])
  }

  const parsed = sections.map((section) => {
    const result = siteSchema.shape[section].safeParse(remaining(section))
    // What still fails is `site` or `server`, because an empty list is valid.
    return [section, result.success ? result.data : undefined]
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

/**
 * Keys of a cluster whose absence no rule reports by itself. If one is invalid, the rest of the cluster is still checked,
 * so that its other problems are found in the same run.
 */
const separateKeys: readonly unknown[] = [
  'loadBalancer',
  'approve',
  'order',
  'ignitionAccess',
  'requireDhcp',
  'callbacks',
  'answers',
  'wipe',
  'boot',
  'menu',
  'console',
  'kernelArguments',
  'loader',
  'pxeOptions',
  'network',
  'dhcpOptions',
]

function withoutKeys<Entry extends object>(entry: Entry, path: Path, cut: ReadonlySet<string>): Entry {
  const left = Object.entries(entry).filter(([key]) => !cut.has(formatPath([...path, key])))
  return Object.fromEntries(left) as Entry
}

/** Returns what is left out for an invalid value at `path`: a node, a key of a cluster, an entry of a list, or a section. */
function removedPart(path: Path): Path {
  const isOwner = ownerSections.includes(path[0])
  if (isOwner && separateKeys.includes(path[2])) return path.slice(0, 3)
  if (isOwner && path[2] === 'nodes' && path.length > 3) return path.slice(0, 4)
  return listSections.includes(path[0]) ? path.slice(0, 2) : path.slice(0, 1)
}
