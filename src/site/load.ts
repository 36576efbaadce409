/** A site file's text as a site, or all that is wrong with it: YAML, then the schema, then the rules. */
import { folderOf, withAbsolutePaths } from './file-paths.ts'
import type { Violation } from './violation.ts'
import { formatPath, type Problem } from './problem.ts'
import { ruleFlaws } from './rules.ts'
import { salvage, untouched } from './partial.ts'
import { expectation, schemaFlaws } from './schema-violations.ts'
import { siteSchema, type Site } from './schema.ts'
import { readYaml, type ParseError, type Tree } from './yaml.ts'

export type Loaded =
  | { readonly kind: 'site'; readonly site: Site }
  /** At least one, in the order of the file. */
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }

/**
 * All problems at once: what the schema refuses does not keep the rules from judging the rest.
 *
 * @param file absolute: relative paths in the site are those of its folder
 */
export function loadSite(text: string, file: string): Loaded {
  const { mistakes, tree } = readYaml(text.replace(/^\ufeff/, ''))
  if (tree === undefined) return problems(mistakes, file)
  if (tree.value === undefined || tree.value === null) {
    return problems([{ line: 1, column: 1, path: [], message: 'the file is empty, expected a site' }], file)
  }

  const parsed = siteSchema.safeParse(tree.value, { error: expectation })
  const refused = parsed.success ? [] : schemaFlaws(parsed.error.issues, tree)
  const isWhole = parsed.success && mistakes.length === 0
  const judged = isWhole
    ? untouched(parsed.data)
    : salvage(
        tree.value,
        [...refused, ...mistakes].map(({ path }) => path),
      )
  const flaws = [...refused, ...ruleFlaws(judged)]
  if (isWhole && flaws.length === 0) {
    return { kind: 'site', site: withAbsolutePaths(parsed.data, folderOf(file)) }
  }
  const said = new Set(mistakes.map(placeOf))
  // An unknown alias is no value either, but that has been said.
  const rest = flaws.map((flaw) => located(flaw, tree)).filter((mistake) => !said.has(placeOf(mistake)))
  return problems([...mistakes, ...rest], file)
}

function located(flaw: Violation, tree: Tree): ParseError {
  const { path, at, other } = flaw
  const message =
    'message' in flaw ? flaw.message : `got ${flaw.got ?? tree.quote(path)}, expected ${flaw.expected}`
  const elsewhere = other === undefined ? '' : ` (line ${tree.position(other).line})`
  return { ...tree.position(path, at), path, message: message + elsewhere }
}

function placeOf({ line, column }: ParseError): string {
  return `${line}:${column}`
}

function problems(mistakes: readonly ParseError[], file: string): Loaded {
  const sorted = mistakes
    .map(({ path, ...rest }) => ({ file, ...rest, path: formatPath(path) }))
    .sort((a, b) => a.line - b.line || a.column - b.column)
  return { kind: 'problems', problems: sorted }
}
