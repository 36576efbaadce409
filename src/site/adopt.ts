/**
 * One more node in the text of a site file: written in the manner of its neighbour, behind it, and not one other
 * character changed. What cannot be done so is refused, and so is what would not load. Pure.
 */
import type { Adoption } from './adoption.ts'
import { insertion } from './insertion.ts'
import { loadSite } from './load.ts'
import type { Problem } from './problem.ts'
import type { Site } from './schema.ts'

export type Adopted =
  /** The whole new text, and the line on which the node stands in it. */
  | { readonly kind: 'adopted'; readonly text: string; readonly line: number; readonly key: string }
  /** What is wrong with the site: as it is, or as it would be. */
  | { readonly kind: 'problems'; readonly when: 'before' | 'after'; readonly problems: readonly Problem[] }
  /** `reason` is a sentence. */
  | { readonly kind: 'refused'; readonly reason: string }

/** @param file as for {@link loadSite} */
export function adoptNode(whole: string, file: string, adoption: Adoption): Adopted {
  const mark = whole.startsWith('\ufeff') ? '\ufeff' : ''
  const text = whole.slice(mark.length)
  const before = loadSite(text, file)
  if (before.kind === 'problems') return { kind: 'problems', when: 'before', problems: before.problems }
  const index = clusterIndex(before.site, adoption.cluster)
  if (typeof index === 'string') return { kind: 'refused', reason: index }
  const { name: cluster, nodes } = before.site.clusters[index] as Site['clusters'][number]
  // Behind the last of its like; where there is none, behind the last.
  const like = nodes.findLastIndex(({ role }) => role === adoption.role)

  const { offset, inserted } = insertion(text, [index, like === -1 ? nodes.length - 1 : like], adoption)
  const made = text.slice(0, offset) + inserted + text.slice(offset)
  const after = loadSite(made, file)
  if (after.kind === 'problems') return { kind: 'problems', when: 'after', problems: after.problems }
  const line = made.slice(0, offset + inserted.search(/[^\s,]/)).split('\n').length
  return { kind: 'adopted', text: mark + made, line, key: `${cluster}/${adoption.name.toLowerCase()}` }
}

/** @returns a sentence when there is no telling which is meant */
function clusterIndex({ clusters }: Site, wanted: string | undefined): number | string {
  const names = clusters.map(({ name }) => name)
  if (wanted === undefined) {
    if (names.length === 1) return 0
    return names.length === 0
      ? 'the site has no cluster yet: write one into it first'
      : `the site has several clusters, say which by --cluster: ${names.join(', ')}`
  }
  const index = names.indexOf(wanted.toLowerCase())
  return index === -1 ? `the site has no cluster ${wanted}; it has ${names.join(', ')}` : index
}
