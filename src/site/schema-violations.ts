/** What zod found, said in the words of the site file: which value, what was expected, what may be meant. */
import type { z } from 'zod'
import type { Violation } from './violation.ts'
import { schemaAt, siteJsonSchema, type JsonSchema } from './json-schema.ts'
import { nearest } from '../text/nearest.ts'
import { quoteText } from '../text/printable.ts'
import type { Path } from './problem.ts'
import type { Tree } from './yaml.ts'

type Issue = z.core.$ZodIssue

/** For zod's own checks; scalars bring their own words, and zod prefers those. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return `expected ${typeNames[issue.expected as keyof typeof typeNames]}`
  if (issue.code === 'invalid_value') return `expected ${listed(issue.values.map(String))}`
  return issue.code === 'too_small' ? 'expected at least one entry' : undefined
}

const typeNames = {
  array: 'a list',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  string: 'text',
}

/** `a`, `a or b`, `one of a, b, c` */
export function listed(words: readonly string[]): string {
  return words.length > 2 ? `one of ${words.join(', ')}` : words.join(' or ')
}

/** What the words are taken from: what is written, and what the schema knows of each place. */
type Sources = { readonly tree: Tree; readonly schema: JsonSchema }

/** What zod found, each at its own place; an issue with a list of keys becomes one flaw for each. */
export function schemaFlaws(issues: readonly Issue[], tree: Tree): Violation[] {
  const sources = { tree, schema: siteJsonSchema() }
  return issues.flatMap((issue) => flawsOf(issue, issue.path as Path, sources))
}

function flawsOf(issue: Issue, path: Path, sources: Sources): Violation[] {
  const { tree, schema } = sources
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, schema))
  if (!tree.has(path)) {
    // A test holds that every key has a description.
    return [{ path, message: `missing, expected ${schemaAt(schema, path).description as string}` }]
  }
  if (issue.code === 'invalid_key') {
    const name = quoteText(String(path.at(-1)))
    return issue.issues.map(({ message }) => ({ path, at: 'key', message: `got ${name}, ${message}` }))
  }
  if (issue.code === 'invalid_union') {
    // The alternative that is at least of the value's type says best what is wrong with it.
    const fitting = issue.errors.find((errors) => !errors.some(isWrongType))
    if (fitting !== undefined) {
      return fitting.flatMap((inner) => flawsOf(inner, [...path, ...(inner.path as Path)], sources))
    }
  }
  return [{ path, expected: issue.message.replace(/^expected /, '') + hint(issue, tree.get(path)) }]
}

/** What a person may have meant who wrote `value`. */
function hint(issue: Issue, value: unknown): string {
  if (typeof value === 'number' && wantsText(issue)) return '; YAML reads a number here, quotes make it text'
  if (typeof value === 'boolean' && wantsText(issue))
    return '; YAML reads a truth value here, quotes make it text'
  const known = issue.code === 'invalid_value' ? issue.values.map(String) : []
  const meant = typeof value === 'string' ? nearest(otherWords.get(value) ?? value, known) : undefined
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

/** What is said elsewhere: by newer OpenShift documents, by Debian and Go. */
const otherWords = new Map([
  ['control-plane', 'master'],
  ['compute', 'worker'],
  ['amd64', 'x86_64'],
  ['arm64', 'aarch64'],
])

function isWrongType(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0
}

function wantsText(issue: Issue): boolean {
  return issue.code === 'invalid_union'
    ? issue.errors.flat().some(wantsText)
    : issue.code === 'invalid_type' && issue.expected === 'string'
}

function unknownKey(parent: Path, key: string, schema: JsonSchema): Violation {
  const path = [...parent, key]
  if (key === '<<') return { path, at: 'key', message: 'YAML 1.2 has no merge keys; write the keys out' }
  const known = Object.keys(schemaAt(schema, parent).properties as object)
  const meant = nearest(key, known)
  const help = meant === undefined ? `known here: ${known.join(', ')}` : `did you mean ${meant}?`
  return { path, at: 'key', message: `unknown key; ${help}` }
}
