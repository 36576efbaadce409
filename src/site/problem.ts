/** What is wrong with a site file, and where: one sentence with its place, for people and editors. */
import { printable, quoteText } from '../text/printable.ts'

/** Keys and indices from the root of the file: `['clusters', 0, 'nodes', 3, 'mac']`. */
export type Path = readonly (string | number)[]

export type Problem = {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
  /** `clusters.0.nodes.3.mac`; empty when the problem is one of the text and not of a value. */
  readonly path: string
  readonly message: string
}

/** `file:line:column path: message`, the form in which editors and terminals make places clickable. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message } = problem
  return `${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: ${message}`
}

/**
 * {@link formatProblem}, then the line itself with a caret under the column.
 *
 * @param text the site file's text, from which the problem came
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

/** So that a caret's line stays within a terminal of 80 columns, with the number before it. */
const contextWidth = 72
const contextBefore = 48

/** Keys that are not plain words are quoted: `images."my image".dir`. */
export function formatPath(path: Path): string {
  return path.map((step) => (/^[\w$-]+$/.test(String(step)) ? step : quoteText(String(step)))).join('.')
}
