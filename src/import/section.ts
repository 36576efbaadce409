/** Typed access to the maps of a YAML or JSON file, which records the keys that were read: all others become notes. */
import { formatPath, type Path } from '../site/problem.ts'
import { readYaml, type Tree } from '../site/yaml.ts'
import { ImportProblem, type Note } from './facts.ts'

type Source = { readonly file: string; readonly tree: Tree; readonly firstLine: number }

export class Section {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #path: Path
  readonly #source: Source
  readonly #read = new Set<string>()
  readonly #children: Section[] = []
  #isIgnored = false

  constructor(value: unknown, path: Path, source: Source) {
    this.#values = new Map(isMap(value) ? Object.entries(value) : [])
    this.#path = path
    this.#source = source
  }

  get line(): number {
    return this.lineOf()
  }

  get at(): { readonly file: string; readonly line: number } {
    return { file: this.#source.file, line: this.line }
  }

  lineOf(key?: string): number {
    const path = key === undefined ? this.#path : [...this.#path, key]
    const { tree } = this.#source
    const { line } = typeof path.at(-1) === 'string' ? tree.position(path, 'key') : tree.position(path)
    return line + this.#source.firstLine - 1
  }

  keys(): string[] {
    return [...this.#values.keys()]
  }

  /** Returns a scalar as text; undefined for an empty one, a list, or a map. */
  text(key: string): string | undefined {
    this.#read.add(key)
    return scalarText(this.#values.get(key))
  }

  /** Returns the scalars of a list, or of a single value. */
  texts(key: string): string[] {
    this.#read.add(key)
    return [this.#values.get(key)].flat().flatMap((value) => scalarText(value) ?? [])
  }

  /** Returns an empty section if there is no map under the key. */
  section(key: string): Section {
    this.#read.add(key)
    return this.#child(this.#values.get(key), [...this.#path, key])
  }

  /** Returns a section for each entry of a list, or for a single map. */
  sections(key: string): Section[] {
    this.#read.add(key)
    const value = this.#values.get(key)
    const path = [...this.#path, key]
    if (Array.isArray(value)) return value.map((each, index) => this.#child(each, [...path, index]))
    return isMap(value) ? [this.#child(value, path)] : []
  }

  /** Returns a value as it is in the file. */
  value(key: string): unknown {
    this.#read.add(key)
    return this.#values.get(key)
  }

  /** Marks keys that have no meaning for a site, with everything below them. */
  skip(...keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key)
  }

  /** Ignores the keys that were not read, here and below. */
  ignoreRest(): void {
    this.#isIgnored = true
  }

  /** Returns a note for each key that was not read, here and in the sections below. */
  leftOver(): Note[] {
    if (this.#isIgnored) return []
    const own = this.keys()
      .filter((key) => !this.#read.has(key))
      .map((key) => ({
        file: this.#source.file,
        line: this.lineOf(key),
        text: `${formatPath([...this.#path, key])} has no counterpart in a site file`,
      }))
    return [...own, ...this.#children.flatMap((child) => child.leftOver())].sort((a, b) => a.line - b.line)
  }

  #child(value: unknown, path: Path): Section {
    const child = new Section(value, path, this.#source)
    this.#children.push(child)
    return child
  }
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/**
 * Reads each document of a YAML file.
 *
 * @throws {ImportProblem} if a document is not valid YAML
 */
export function readSections(text: string, file: string): Section[] {
  const found: Section[] = []
  let firstLine = 1
  for (const part of text.replace(/^\ufeff/, '').split(/^---(?=\s)/m)) {
    const { tree, errors } = readYaml(part)
    const [error] = errors
    if (error !== undefined || tree === undefined) {
      throw new ImportProblem(
        { file, line: (error?.line ?? 1) + firstLine - 1 },
        error?.message ?? 'not YAML',
      )
    }
    if (isMap(tree.value)) found.push(new Section(tree.value, [], { file, tree, firstLine }))
    else if (Array.isArray(tree.value)) {
      found.push(new Section({ items: tree.value }, [], { file, tree: listTree(tree), firstLine }))
    }
    firstLine += part.split('\n').length - 1
  }
  return found
}

/** A list as the document is read as a map with the key `items`. */
function listTree(tree: Tree): Tree {
  const inner = (path: Path) => (path[0] === 'items' ? path.slice(1) : path)
  return { ...tree, position: (path, at) => tree.position(inner(path), at) }
}

/**
 * Replaces the comments of a JSON file with blanks, so that the lines stay the same: `#`, `//`, and block comments up to
 * its end. Tabs outside of strings become blanks, because YAML does not allow them as indentation.
 */
export function withoutComments(text: string): string {
  const parts = /"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?(?:\*\/|$)|(?:\/\/|#)[^\n]*|\t/g
  return text.replace(parts, (part) => (part.startsWith('"') ? part : part.replace(/[^\n]/g, ' ')))
}
