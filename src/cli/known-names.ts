/** The names of nodes and clusters that a shell completes: those of the running slipway, or else of the site file. */
import { readFile } from 'node:fs/promises'
import { askControl } from './client.ts'
import { controlPath, installedSite } from './target.ts'

/** Short, because a user waits for the completion. */
const timeoutMs = 3000

type Sources = { readonly control?: string | undefined; readonly site?: string | undefined }

/** Returns the keys of the declared nodes (`ocp45/w1`); none if there is neither a slipway nor a readable site file. */
export async function knownNodes({ control, site }: Sources, environment = process.env): Promise<string[]> {
  const file = site ?? environment['SLIPWAY_SITE'] ?? installedSite
  try {
    const nodes = await askControl<{ node: string }[]>(controlPath(control), '/v1/nodes', 'GET', timeoutMs)
    return nodes.map(({ node }) => node)
  } catch {
    return nodesIn(await readFile(file, 'utf8').catch(() => ''))
  }
}

/** Reads only the names, so that a site with errors has them too, and without the schema, which takes a long time to load. */
async function nodesIn(text: string): Promise<string[]> {
  const { parse } = await import('yaml')
  try {
    const site = parse(text, { logLevel: 'silent' }) as Named | null
    return [...listOf(site?.clusters), ...listOf(site?.groups)].flatMap(({ name, nodes }) =>
      listOf(nodes).map((node) => `${String(name)}/${String(node.name)}`),
    )
  } catch {
    return []
  }
}

type Named = {
  readonly name?: unknown
  readonly clusters?: unknown
  readonly groups?: unknown
  readonly nodes?: unknown
}

function isNamed(value: unknown): value is Named {
  return typeof value === 'object' && value !== null
}

function listOf(value: unknown): Named[] {
  return Array.isArray(value) ? value.filter(isNamed) : []
}

/** Returns `w1` for a node whose name is unique, unless `start` already names a cluster. */
export function nodeNames(keys: readonly string[], start: string): string[] {
  if (start.includes('/')) return [...keys]
  const counts = new Map<string, number>()
  for (const name of keys.map(nameOf)) counts.set(name, (counts.get(name) ?? 0) + 1)
  return keys.map((key) => (counts.get(nameOf(key)) === 1 ? nameOf(key) : key))
}

export function clusterNames(keys: readonly string[]): string[] {
  return [...new Set(keys.map((key) => key.slice(0, key.indexOf('/'))))]
}

function nameOf(key: string): string {
  return key.slice(key.indexOf('/') + 1)
}
