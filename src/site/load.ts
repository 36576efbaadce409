/** Loads the text of a site file: YAML, then the schema, then the rules. Returns the site, or everything that is wrong with it. */
import type { SiteCode } from './codes.ts'
import { folderOf, withAbsolutePaths } from './file-paths.ts'
import { partialSite, wholeSite } from './partial.ts'
import { formatPath, type Problem } from './problem.ts'
import { ruleViolations } from './rules.ts'
import { expectation, schemaViolations } from './schema-violations.ts'
import { siteSchema, type Site } from './schema.ts'
import type { Violation } from './violation.ts'
import { readYaml, type ParseError, type Tree } from './yaml.ts'

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
