/**
 * Problems of a site file: what the schema and the rules report by path, its position in the file, and its format for terminals
 * and editors.
 */
import { printable, quoteText } from '../text/lines.ts'
import type { SiteCode } from './codes.ts'
import type { Section, Site } from './schema.ts'

/** Keys and indices from the root of the file: `['clusters', 0, 'nodes', 3, 'mac']`. */
export type Path = readonly (string | number)[]

export type Problem = {
  readonly code: SiteCode
  readonly file: string
  /** Starts at 1. */
  readonly line: number
  /** Starts at 1, in UTF-16 units. */
  readonly column: number
  /** `clusters.0.nodes.3.mac`; empty if the problem is in the text and not in a value. */
  readonly path: string
  /** The path with the names of clusters and nodes: `ocp45/m3 mac`; absent if it has none. */
  readonly subject?: string
  readonly message: string
}

/** Formats a problem as `file:line:column subject: message`, which editors and terminals turn into a link. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, subject = path, message } = problem
  return `${file}:${line}:${column}${subject === '' ? '' : ` ${subject}`}: ${message}`
}

/**
 * Formats a problem as {@link formatProblem} does, followed by the line of the file with a caret under the column.
 *
 * @param text the text of the site file
 */
export function showProblem(problem: Problem, text: string): string {
  const line = text.split(/\r\n|\n|\r/)[problem.line - 1] ?? ''
  const start = Math.max(0, problem.column - 1 - contextBefore)
  // Keeps the number of columns, so that the caret stays below its character.
  const shown = printable(line.slice(start, start + contextWidth), ' ')
  const number = String(problem.line)
  const caret = ' '.repeat(problem.column - 1 - start) + '^'
  return `${formatProblem(problem)}\n  ${number} | ${shown}\n  ${' '.repeat(number.length)} | ${caret}`
}

/** Keeps the caret, with the line number before it, within a terminal of 80 columns. */
const contextWidth = 72
const contextBefore = 48

/** Formats a path; keys that are not plain words are quoted: `images."my image".dir`. */
export function formatPath(path: Path): string {
  return path.map((step) => (/^[\w$-]+$/.test(String(step)) ? step : quoteText(String(step)))).join('.')
}

/**
 * Returns a path as an administrator reads it: `ocp45/m3 mac` for `clusters.0.nodes.3.mac`, `ocp45 image` for
 * `clusters.0.image`; `undefined` for other paths, and where the cluster or the node has no name.
 *
 * @param valueAt returns the value at a path of the file, if there is one
 */
export function subjectOf(path: Path, valueAt: (path: Path) => unknown): string | undefined {
  const [section, cluster, list, node] = path
  if ((section !== 'clusters' && section !== 'groups') || cluster === undefined) return undefined
  const nameAt = (...steps: (string | number)[]) => {
    const name = valueAt([...steps, 'name'])
    return typeof name === 'string' && /^[\w.-]+$/.test(name) ? name : undefined
  }
  const clusterName = nameAt(section, cluster)
  if (clusterName === undefined) return undefined
  const isNode = list === 'nodes' && node !== undefined
  const nodeName = isNode ? nameAt(section, cluster, list, node) : undefined
  if (isNode && nodeName === undefined) return `${clusterName} ${formatPath(path.slice(2))}`
  const subject = isNode ? `${clusterName}/${nodeName}` : clusterName
  const rest = formatPath(path.slice(isNode ? 4 : 2))
  return rest === '' ? subject : `${subject} ${rest}`
}

export type Violation = RuleViolation & { readonly code: SiteCode }

/** What a rule reports; the code is the rule's. */
export type RuleViolation = {
  /** The value that is wrong. If the file has no such value, the position is that of the closest one around it. */
  readonly path: Path
  /** Points at the key instead of its value. */
  readonly at?: 'key'
  /** The value that contradicts this one; the message ends with its line. */
  readonly other?: Path
} & (
  | { readonly message: string }
  /** Completes the message `got …, expected …`; the value is quoted from the file unless `got` replaces it. */
  | { readonly expected: string; readonly got?: string }
)

/** One constraint on a whole site that its schema cannot express. */
export type Rule = {
  readonly code: SiteCode
  /**
   * Sections that the rule needs whole: it is skipped while the schema rejects a part of one of them. Lists that the
   * rule checks entry by entry need not be named; rejected entries are then left out.
   */
  readonly needs: readonly Section[]
  readonly check: (site: Site) => readonly RuleViolation[]
}
