/**
 * Loads the text of a site file: YAML, then the schema, then the rules. Returns the site, or everything that is wrong with it.
 */
import type { SiteCode } from './codes.ts'
import { folderOf, withAbsolutePaths } from './file-paths.ts'
import { partialSite, wholeSite, type PartialSite } from './partial.ts'
import { formatPath, type Problem, type Violation, type Rule } from './problem.ts'
import { expectation, schemaViolations } from './schema-violations.ts'
import { siteSchema, type Site } from './schema.ts'
import { readYaml, type ParseError, type Tree } from './yaml.ts'
import { bootRules, nodeFileRules } from './rules/boot.ts'
import { balancerRules, clusterRules } from './rules/clusters.ts'
import { machineRules } from './rules/machines.ts'
import { nameRules } from './rules/names.ts'
import { networkRules, transferPortRules } from './rules/networks.ts'
import { recordRules } from './rules/records.ts'

export type Loaded =
  | { readonly kind: 'site'; readonly site: Site }
  /** At least one, in the order of the file. */
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
  return problems([...errors, ...rest], file)
}

type Located = Omit<ParseError, 'code'> & { readonly code: SiteCode }

function located(violation: Violation, tree: Tree): Located {
  const { code, path, at, other } = violation
  const message =
    'message' in violation
      ? violation.message
      : `got ${violation.got ?? tree.quote(path)}, expected ${violation.expected}`
  const reference = other === undefined ? '' : ` (line ${tree.position(other).line})`
  return { ...tree.position(path, at), code, path, message: message + reference }
}

function positionKey({ line, column }: { readonly line: number; readonly column: number }): string {
  return `${line}:${column}`
}

function problems(found: readonly Located[], file: string): Loaded {
  const sorted = found
    .map(({ path, ...rest }) => ({ file, ...rest, path: formatPath(path) }))
    .sort((a, b) => a.line - b.line || a.column - b.column)
  return { kind: 'problems', problems: sorted }
}

const rules: readonly Rule[] = [
  ...networkRules,
  ...transferPortRules,
  ...nameRules,
  ...recordRules,
  ...machineRules,
  ...clusterRules,
  ...balancerRules,
  ...bootRules,
  ...nodeFileRules,
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
