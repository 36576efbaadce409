/** Problems of a site file with their positions, and their format for terminals and editors. */
import { printable, quoteText } from '../text/printable.ts'
import type { SiteCode } from './codes.ts'

/** Keys and indices from the root of the file: `['clusters', 0, 'nodes', 3, 'mac']`. */
export type Path = readonly (string | number)[]

export type Problem = {
  readonly code: SiteCode
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
  /** `clusters.0.nodes.3.mac`; empty if the problem is in the text and not in a value. */
  readonly path: string
  readonly message: string
}

/** Formats a problem as `file:line:column path: message`, which editors and terminals turn into a link. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message } = problem
  return `${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: ${message}`
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
