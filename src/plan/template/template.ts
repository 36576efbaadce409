/**
 * Templates of an administrator: text with placeholders such as `{{node.address}}`. There are no conditions, loops, or
 * expressions, so a template always ends and reads nothing but the values that its caller passes. Pure.
 *
 * Write `{{{{` for a literal `{{`. In a longer run of braces, each four mean `{{`, and a single brace before a placeholder
 * is literal: `${{{node.name}}}` renders as `${m1}`. Closing braces without a placeholder are literal.
 */
import { didYouMean } from '../../text/nearest.ts'

export type Template = {
  readonly kind: 'template'
  readonly parts: readonly (string | Placeholder)[]
}

export type Placeholder = {
  readonly name: string
  /** Starts at 1. */
  readonly line: number
}

export type TemplateProblem = {
  readonly kind: 'problem'
  /** Starts at 1. */
  readonly line: number
  /** Lower case, without a full stop. */
  readonly problem: string
}

const run = /\{{2,}/g
const closing = /[ \t]*\}\}/y
const named = /[ \t]*([A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)*)/y

/** Parses a template; names are checked by {@link unknownNames}. */
export function parseTemplate(text: string): Template | TemplateProblem {
  const parts: (string | Placeholder)[] = []
  let line = 1
  let end = 0
  for (let found = next(run, text, 0); found !== undefined; found = next(run, text, end)) {
    const before = text.slice(end, found.index)
    line += before.split('\n').length - 1
    const braces = found[0].length
    const literal = '{{'.repeat(Math.floor(braces / 4)) + '{'.repeat(braces % 2)
    end = found.index + braces
    parts.push(before + literal)
    if (braces % 4 < 2) continue
    const name = next(named, text, end)
    if (name === undefined) {
      const problem = 'expected a name after {{, such as {{node.address}}; write {{{{ for a literal {{'
      return { kind: 'problem', line, problem }
    }
    const close = next(closing, text, end + name[0].length)
    if (close === undefined) {
      return { kind: 'problem', line, problem: `expected }} directly after {{${name[1] as string}` }
    }
    parts.push({ name: name[1] as string, line })
    end = close.index + close[0].length
  }
  return { kind: 'template', parts: [...parts, text.slice(end)].filter((part) => part !== '') }
}

/** @param pattern with the flag `g` or `y` */
function next(pattern: RegExp, text: string, from: number): RegExpExecArray | undefined {
  pattern.lastIndex = from
  return pattern.exec(text) ?? undefined
}

/** @throws {TypeError} if a value is missing: the caller checks {@link unknownNames} first */
export function renderTemplate({ parts }: Template, values: ReadonlyMap<string, string>): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part
      const value = values.get(part.name)
      if (value === undefined) throw new TypeError(`template was not checked: ${part.name} has no value`)
      return value
    })
    .join('')
}

/** Returns each placeholder that is not among `names`, at its first line. */
export function unknownNames({ parts }: Template, names: Iterable<string>): readonly Placeholder[] {
  const seen = new Set(names)
  return parts.filter((part): part is Placeholder => {
    if (typeof part === 'string' || seen.has(part.name)) return false
    seen.add(part.name)
    return true
  })
}

/**
 * Returns why `values` cannot render a template: placeholders that do not exist, or have no value for the owner.
 *
 * @param names that a template can use; for some nodes they have no value
 * @param owner whose values these are: `ocp45/m1`
 */
export function templateProblems(
  template: Template,
  names: readonly string[],
  values: ReadonlyMap<string, string>,
  owner: string,
): readonly TemplateProblem[] {
  const known = new Set(names)
  return unknownNames(template, values.keys()).map(({ name, line }) => {
    const problem = known.has(name)
      ? `${owner} has no value for {{${name}}}`
      : `{{${name}}} is not a known placeholder${didYouMean(name, names)}`
    return { kind: 'problem', line, problem }
  })
}

/** Returns a template that renders as `text`. */
export function escapeTemplate(text: string): string {
  return text.replaceAll('{{', '{{{{')
}
