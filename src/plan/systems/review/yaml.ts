/** YAML of installers, which accept more than the site file: several documents, merge keys, and tags. Pure. */
import type * as Yaml from 'yaml'
import type { LineProblem } from './review.ts'

export type YamlDocument = {
  readonly value: unknown
  /** Returns the line of the innermost key of the path that exists. */
  readonly lineOf: (...path: readonly string[]) => number
}

export type YamlFile = {
  readonly documents: readonly YamlDocument[]
  readonly problems: readonly LineProblem[]
}

let parser: typeof Yaml | undefined

/** Loads the parser. It must be called before a plan with answer files is compiled; a start without them does not load it. */
export async function loadInstallerYaml(): Promise<void> {
  parser ??= await import('yaml')
}

export function readInstallerYaml(text: string): YamlFile {
  if (parser === undefined) throw new Error('the YAML parser of answer files was not loaded')
  const { isMap, isScalar, LineCounter, parseAllDocuments } = parser
  const lines = new LineCounter()
  const parsed = [
    ...parseAllDocuments(text, {
      version: '1.1',
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
    }),
  ]
  const lineAt = (offset: number): number => lines.linePos(offset).line
  const [error] = parsed.flatMap(({ errors }) => errors)
  if (error !== undefined) {
    return { documents: [], problems: [{ line: lineAt(error.pos[0]), problem: error.message }] }
  }
  try {
    const documents = parsed.map((document): YamlDocument => ({
      value: document.toJS() as unknown,
      lineOf(...path) {
        let [node, line]: [unknown, number] = [document.contents, lineAt(document.range[0])]
        for (const key of path) {
          const pair = isMap(node)
            ? node.items.find(({ key: each }) => isScalar(each) && each.value === key)
            : undefined
          if (pair === undefined) return line
          ;[node, line] = [pair.value, lineAt((pair.key as { readonly range: readonly [number] }).range[0])]
        }
        return line
      },
    }))
    return { documents, problems: [] }
  } catch (cause) {
    // Aliases without an anchor, or too many of them.
    return { documents: [], problems: [{ line: 1, problem: (cause as Error).message }] }
  }
}

/** Returns the value at a path of keys; undefined if it does not exist. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? (inner as Readonly<Record<string, unknown>>)[key]
        : undefined,
    value,
  )
}
