/**
 * YAML 1.2 text as plain values that remember where they stand. One document, unique keys, no merge keys,
 * no tags of other schemas. Anchors and aliases are allowed and bounded: no text can grow without end.
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
import { quoteText } from '../text/printable.ts'
import { formatPath, type Path } from './problem.ts'

type Position = { readonly line: number; readonly column: number }

/** A mistake in the text itself; `path` is empty where there is no value to speak of yet. */
export type ParseError = Position & { readonly path: Path; readonly message: string }

export type Tree = {
  /** Objects without prototype, arrays and scalars; undefined for a text without content. */
  readonly value: unknown
  /** Whether something is written there, be it nothing but the key. */
  has(path: Path): boolean
  /** The value at a path that {@link has} something. */
  get(path: Path): unknown
  /** Where the value (or its key) at `path` begins, or the nearest thing around it that is written. */
  position(path: Path, at?: 'key'): Position
  /** The value in a few words, as written: `"m1"`, `4.10`, `nothing`, `a list`. */
  quote(path: Path): string
}

export type ReadYaml = {
  readonly mistakes: readonly ParseError[]
  /** Absent when the text cannot be read as YAML; present beside duplicate keys and unknown aliases. */
  readonly tree?: Tree
}

/** Far above any site, far below what would hurt: a thousand nodes make about ten thousand values. */
const mostValues = 100_000
const deepest = 64

export function readYaml(text: string): ReadYaml {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Said outright because a `%YAML 1.1` line would otherwise bring base 60 numbers and `no` for false.
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // Found in the walk below, which knows the path.
    uniqueKeys: false,
    logLevel: 'error',
  })
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const syntax = [...document.errors, ...document.warnings]
  if (syntax.length > 0) return { mistakes: syntaxMistakes(syntax, positionAt) }
  return plant(document.contents, positionAt)
}

/** Where a value stands; `node` is what an alias stands for. */
type Entry = { readonly node: ParsedNode | null; readonly key: number; readonly value: number }

function plant(root: ParsedNode | null, positionAt: (offset: number) => Position): ReadYaml {
  const entries = new Map<string, Entry>()
  const anchors = new Map<string, ParsedNode>()
  const mistakes: ParseError[] = []
  let excess: ParseError | undefined

  function plain(node: ParsedNode | null, path: Path, key: number, value = node?.range[0] ?? key): unknown {
    entries.set(formatPath(path), { node, key, value })
    if (path.length > deepest || entries.size > mostValues) {
      excess ??= path.length > deepest ? tooDeep(value) : tooMany(path)
      return null
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target !== undefined) return plain(target, path, key, value)
      const message = `no anchor &${node.source} stands before this alias`
      mistakes.push({ ...positionAt(value), path, message })
      return null
    }
    const made = isMap(node)
      ? plainMap(node, path)
      : isSeq(node)
        ? node.items.map((item, index) => plain(item, [...path, index], value))
        : (node?.value ?? null)
    // Only now, so that an alias within its own anchor finds none and there are no circles.
    if (node?.anchor !== undefined) anchors.set(node.anchor, node)
    return made
  }

  function plainMap(map: YAMLMap.Parsed, path: Path): Record<string, unknown> {
    const made = Object.create(null) as Record<string, unknown>
    for (const { key, value } of map.items) {
      // `stringKeys` makes a syntax error of every other key.
      const name = (key as Extract<ParsedNode, { value: unknown }>).value as string
      const offset = key.range[0]
      const at = [...path, name]
      if (name === '__proto__') {
        // Parsers of objects pass over it in silence; nothing in a site is.
        mistakes.push({ ...positionAt(offset), path: at, message: 'unknown key' })
      } else if (Object.hasOwn(made, name)) {
        const first = positionAt(entryOf(at).key)
        const message = `the key is given twice, first on line ${first.line}`
        mistakes.push({ ...positionAt(offset), path: at, message })
      } else {
        made[name] = plain(value, at, offset)
      }
    }
    return made
  }

  const tooDeep = (offset: number): ParseError => ({
    ...positionAt(offset),
    path: [],
    message: `more than ${deepest} levels of nesting`,
  })
  const tooMany = (path: Path): ParseError => ({
    ...positionAt(entryOf(path.slice(0, 1)).key),
    path: path.slice(0, 1),
    message: `the file holds more than ${mostValues} values, aliases resolved`,
  })
  const entryOf = (path: Path) => entries.get(formatPath(path)) as Entry

  const value = plain(root, [], 0)
  if (excess !== undefined) return { mistakes: [excess] }
  return { mistakes, tree: { value, get: (path) => valueAt(value, path), ...lookups(entries, positionAt) } }
}

function lookups(
  entries: ReadonlyMap<string, Entry>,
  positionAt: (offset: number) => Position,
): Omit<Tree, 'value' | 'get'> {
  return {
    has: (path) => entries.has(formatPath(path)),
    position(path, at) {
      let written = path
      while (!entries.has(formatPath(written))) written = written.slice(0, -1)
      const { key, value } = entries.get(formatPath(written)) as Entry
      return positionAt(at === 'key' ? key : value)
    },
    quote: (path) => quoteNode(entries.get(formatPath(path))?.node ?? null),
  }
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

/** The parser's words, and ours where it speaks to a programmer or many errors come from one mistake. */
function syntaxMistakes(
  errors: readonly YAMLError[],
  positionAt: (offset: number) => Position,
): readonly ParseError[] {
  const byLine = new Map<number, ParseError>()
  for (const { code, pos, message } of errors) {
    const position = positionAt(pos[0])
    const own = ownWords[code] ?? message.replace(/^[A-Z](?=[a-z ])/, (first) => first.toLowerCase())
    if (!byLine.has(position.line)) byLine.set(position.line, { ...position, path: [], message: own })
  }
  return [...byLine.values()]
}

const ownWords: Partial<Record<YAMLError['code'], string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'a second key on one line; begin a new line, or put text with a colon in quotes',
  MULTIPLE_DOCS: 'a second document begins here; a site file holds one',
  NON_STRING_KEY: 'a key must be a single word, not a list, a map or an alias',
  RESOURCE_EXHAUSTION: 'nested too deeply to be read',
  TAG_RESOLVE_FAILED: 'tags have no meaning in a site file; leave it out',
  TAB_AS_INDENT: 'a tab cannot indent in YAML; use spaces',
}
