/**
 * Parses YAML 1.2 into plain values with positions: one document, unique keys, no merge keys, no tags of other schemas.
 * Anchors and aliases are allowed, and the number of values is bounded.
 */
import {
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  parseDocument,
  type ParsedNode,
  type YAMLError,
  type YAMLMap,
} from 'yaml'
import { quoteText } from '../text/lines.ts'
import type { SiteCode } from './codes.ts'
import type { Path } from './problem.ts'
import { findMistake } from './yaml-mistakes.ts'

type Position = { readonly line: number; readonly column: number }

/** An error in the text itself; `path` is empty if the error belongs to no value. */
export type ParseError = Position & {
  readonly code: SiteCode
  readonly path: Path
  readonly message: string
}

export type Tree = {
  /** Objects without prototype, arrays, and scalars; undefined if the text has no content. */
  readonly value: unknown
  /** Reports whether the file has the path, even if only a key without a value. */
  has(path: Path): boolean
  /** Returns the value at a path that {@link has} accepts. */
  get(path: Path): unknown
  /** Returns where the value at `path` (or its key) starts, or else the closest value around it. */
  position(path: Path, at?: 'key'): Position
  /** Describes the value as in the file: `"m1"`, `4.10`, `nothing`, `a list`. */
  quote(path: Path): string
}

export type ReadYaml = {
  readonly errors: readonly ParseError[]
  /** Absent if the text is not YAML; present in spite of duplicate keys and unknown aliases. */
  readonly tree?: Tree
}

/** A site of 20,000 nodes with ten values each has about 200,000. */
const maxValues = 250_000
const maxDepth = 64

export function readYaml(text: string): ReadYaml {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Explicit, because a `%YAML 1.1` line would otherwise enable base 60 numbers and `no` for false.
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // The walk below finds duplicates; it knows the path.
    uniqueKeys: false,
    logLevel: 'error',
  })
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const syntax = [...document.errors, ...document.warnings]
  if (syntax.length > 0) return { errors: syntaxErrors(text, syntax, positionAt) }
  return buildTree(document.contents, positionAt)
}

/** Offsets of a key and its value; `node` is the value that an alias refers to. */
type Entry = { readonly node: ParsedNode | null; readonly key: number; readonly value: number }

/** Values of aliases, by node. */
type Targets = ReadonlyMap<ParsedNode, ParsedNode>

function buildTree(root: ParsedNode | null, positionAt: (offset: number) => Position): ReadYaml {
  const anchors = new Map<string, ParsedNode>()
  const targets = new Map<ParsedNode, ParsedNode>()
  const errors: ParseError[] = []
  let excess: ParseError | undefined
  let values = 0

  function plain(node: ParsedNode | null, path: Path, key: number, value = node?.range[0] ?? key): unknown {
    values += 1
    if (path.length > maxDepth || values > maxValues) {
      excess ??= path.length > maxDepth ? tooDeep(value) : tooMany(path)
      return null
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target !== undefined) {
        targets.set(node, target)
        values -= 1
        return plain(target, path, key, value)
      }
      const message = `the anchor &${node.source} is not defined before this alias`
      errors.push({ ...positionAt(value), code: 'site.unknown-alias', path, message })
      return null
    }
    const result = isMap(node)
      ? plainMap(node, path)
      : isSeq(node)
        ? node.items.map((item, index) => plain(item, [...path, index], value))
        : (node?.value ?? null)
    // Set after the value was read, so that an alias inside its own anchor is unknown and there are no cycles.
    if (node?.anchor !== undefined) anchors.set(node.anchor, node)
    return result
  }

  function plainMap(map: YAMLMap.Parsed, path: Path): Record<string, unknown> {
    const result = Object.create(null) as Record<string, unknown>
    for (const { key, value } of map.items) {
      // With `stringKeys`, every other key is a syntax error.
      const name = (key as Extract<ParsedNode, { value: unknown }>).value as string
      const offset = key.range[0]
      const at = [...path, name]
      if (name === '__proto__') {
        // zod ignores this key silently; a site file must not contain ignored keys.
        errors.push({ ...positionAt(offset), code: 'site.unknown-key', path: at, message: 'unknown key' })
      } else if (Object.hasOwn(result, name)) {
        const first = positionAt(entryOf(at).key)
        const message = `duplicate key, first on line ${first.line}`
        errors.push({ ...positionAt(offset), code: 'site.duplicate-key', path: at, message })
      } else {
        result[name] = plain(value, at, offset)
      }
    }
    return result
  }

  const tooDeep = (offset: number): ParseError => ({
    ...positionAt(offset),
    code: 'site.too-large',
    path: [],
    message: `more than ${maxDepth} levels of nesting`,
  })
  const tooMany = (path: Path): ParseError => ({
    ...positionAt(entryOf(path.slice(0, 1)).key),
    code: 'site.too-large',
    path: path.slice(0, 1),
    message: `the file has more than ${maxValues} values after resolving aliases`,
  })
  const entryOf = (path: Path) => entryAt(root, path, targets) as Entry

  const value = plain(root, [], 0)
  if (excess !== undefined) return { errors: [excess] }
  return {
    errors,
    tree: { value, get: (path) => valueAt(value, path), ...lookups(root, targets, positionAt) },
  }
}

/** Positions are needed only for errors, so they are not collected for each value. */
function lookups(
  root: ParsedNode | null,
  targets: Targets,
  positionAt: (offset: number) => Position,
): Omit<Tree, 'value' | 'get'> {
  const entryOf = (path: Path) => entryAt(root, path, targets)
  return {
    has: (path) => entryOf(path) !== undefined,
    position(path, at) {
      let written = path
      let entry = entryOf(written)
      while (entry === undefined) entry = entryOf((written = written.slice(0, -1)))
      return positionAt(at === 'key' ? entry.key : entry.value)
    },
    quote: (path) => quoteNode(entryOf(path)?.node ?? null),
  }
}

/** Returns undefined if the file does not have the path. */
function entryAt(root: ParsedNode | null, path: Path, targets: Targets): Entry | undefined {
  const whole = resolved(root, 0, root?.range[0] ?? 0, targets)
  return path.reduce<Entry | undefined>((entry, step) => entry && childOf(entry, step, targets), whole)
}

function childOf({ node, value }: Entry, step: string | number, targets: Targets): Entry | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(step)]
    return item && resolved(item, value, item.range[0], targets)
  }
  if (!isMap(node) || step === '__proto__') return undefined
  const pair = node.items.find(({ key }) => (key as { readonly value?: unknown }).value === step)
  if (pair === undefined) return undefined
  const offset = pair.key.range[0]
  return resolved(pair.value, offset, pair.value?.range[0] ?? offset, targets)
}

/** An alias keeps its own position. */
function resolved(node: ParsedNode | null, key: number, value: number, targets: Targets): Entry {
  const target = node === null ? undefined : targets.get(node)
  return target === undefined ? { node, key, value } : resolved(target, key, value, targets)
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, step) => (at as Readonly<Record<string, unknown>>)[step], value)
}

function quoteNode(node: ParsedNode | null): string {
  if (isMap(node)) return node.items.length === 0 ? 'an empty map' : 'a map'
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list'
  if (node === null || isAlias(node)) return 'nothing'
  if (typeof node.value === 'string') return quoteText(node.value)
  return node.source === '' ? 'nothing' : node.source
}

/**
 * Reports the mistake that the errors follow from, if it is of a known kind. Otherwise reports the first syntax error per
 * line, with our own message where the parser's is for programmers.
 */
function syntaxErrors(
  text: string,
  errors: readonly YAMLError[],
  positionAt: (offset: number) => Position,
): readonly ParseError[] {
  const mistake = errors.some(({ code }) => clearCodes.has(code)) ? undefined : findMistake(text)
  if (mistake !== undefined) {
    const { line, column, message } = mistake
    return [{ line, column, code: 'site.yaml-syntax', path: [], message }]
  }
  const byLine = new Map<number, ParseError>()
  for (const { code, pos, message } of errors) {
    const position = positionAt(pos[0])
    const text = ownMessages[code] ?? message.replace(/^[A-Z](?=[a-z ])/, (first) => first.toLowerCase())
    // After one error, tokens are unexpected because of it.
    if (byLine.has(position.line) || (byLine.size > 0 && code === 'UNEXPECTED_TOKEN')) continue
    byLine.set(position.line, { ...position, code: 'site.yaml-syntax', path: [], message: text })
  }
  return [...byLine.values()]
}

const ownMessages: Partial<Record<YAMLError['code'], string>> = {
  BLOCK_AS_IMPLICIT_KEY:
    'a second key on the same line; start a new line, or put text with a colon in quotes',
  BLOCK_IN_FLOW:
    'a list with dashes, or keys on separate lines, inside [ ] or { }; put text such as "-" in quotes',
  MULTIPLE_DOCS: 'a second document starts here; a site file must have only one',
  NON_STRING_KEY: 'a key must be a single word, not a list, a map, or an alias',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAG_RESOLVE_FAILED: 'tags are not supported in a site file; remove the tag',
  TAB_AS_INDENT: 'YAML does not allow tabs for indentation; use spaces',
}

/** Their messages name the mistake. */
const clearCodes: ReadonlySet<YAMLError['code']> = new Set([
  'MULTIPLE_DOCS',
  'RESOURCE_EXHAUSTION',
  'TAG_RESOLVE_FAILED',
  'TAB_AS_INDENT',
])
