/** Nodes taken out of the text of a site file, and not one other character changed (removal.ts). Pure. */
import type { Unchanged } from './adopt.ts'
import { beginOf, lineOf, nodeList } from './entry-text.ts'
import { loadSite } from './load.ts'
import { withoutEntry } from './removal.ts'
import type { Site } from './schema.ts'
import { everythingBut } from './untouched.ts'

export type Removed =
  | Unchanged
  | {
      readonly kind: 'removed'
      /** The whole new text. */
      readonly text: string
      /** Each with the line on which it stood. */
      readonly nodes: readonly { readonly key: string; readonly line: number }[]
    }

/** @param file as for {@link loadSite} @param keys `<cluster>/<name>`, of nodes that the site has */
export function removeNodes(whole: string, file: string, keys: readonly string[]): Removed {
  const mark = whole.startsWith('\ufeff') ? '\ufeff' : ''
  const text = whole.slice(mark.length)
  const before = loadSite(text, file)
  if (before.kind === 'problems') return { kind: 'problems', when: 'before', problems: before.problems }
  const all = entriesOf(before.site)
  const leaving = all.filter(({ key }) => keys.includes(key))
  const missing = keys.find((key) => !all.some((entry) => entry.key === key))
  if (missing !== undefined) return { kind: 'refused', reason: `the site has no node ${missing}` }
  const emptied = before.site.clusters.find(({ name, nodes }) =>
    nodes.every((node) => keys.includes(`${name}/${node.name}`)),
  )
  if (emptied !== undefined) {
    const reason = `no node of ${emptied.name} would be left: take the whole cluster out by hand`
    return { kind: 'refused', reason }
  }
  // The last comes first, so that the places of the others stay what they are.
  const made = leaving.reduceRight((rest, { at, name }) => {
    const others = all.map((entry) => entry.name).filter((other) => other !== name)
    return withoutEntry(rest, at, { own: name, others })
  }, text)
  const after = loadSite(made, file)
  if (after.kind === 'problems') return { kind: 'problems', when: 'after', problems: after.problems }
  if (everythingBut(after.site, []) !== everythingBut(before.site, keys)) {
    const reason = `the rest of the site would not be what it was without ${keys.join(', ')}: take it out by hand`
    return { kind: 'refused', reason }
  }
  const nodes = leaving.map(({ key, at: [cluster, item] }) => ({
    key,
    line: lineOf(text, beginOf(nodeList(text, cluster), item)),
  }))
  return { kind: 'removed', text: mark + made, nodes }
}

type Entry = { readonly key: string; readonly name: string; readonly at: readonly [number, number] }

function entriesOf({ clusters }: Site): Entry[] {
  return clusters.flatMap((cluster, index) =>
    cluster.nodes.map(({ name }, item) => ({ key: `${cluster.name}/${name}`, name, at: [index, item] })),
  )
}
