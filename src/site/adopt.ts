/**
 * One more node in the text of a site file: written in the manner of its neighbour, behind it, and not one other
 * character changed. What cannot be done so is refused, and so is what would not load. Pure.
 */
import { formatIp, parseIp } from '../proto/address/ip.ts'
import type { Adoption } from './adoption.ts'
import { beginOf, lineOf, nodeList } from './entry-text.ts'
import { insertion } from './insertion.ts'
import { loadSite } from './load.ts'
import type { Problem } from './problem.ts'
import type { Node, Site } from './schema.ts'
import { everythingBut } from './untouched.ts'

/** Why a site's text is not changed. */
export type Unchanged =
  /** What is wrong with the site: as it is, or as it would be. */
  | { readonly kind: 'problems'; readonly when: 'before' | 'after'; readonly problems: readonly Problem[] }
  /** `reason` is a sentence. */
  | { readonly kind: 'refused'; readonly reason: string }

export type Adopted =
  | Unchanged
  | {
      /** `present`: exactly this node is there already, and the text stays. */
      readonly kind: 'adopted' | 'present'
      /** The whole text, and the line on which the node stands in it. */
      readonly text: string
      readonly line: number
      readonly key: string
    }

/** @param file as for {@link loadSite} */
export function adoptNode(whole: string, file: string, adoption: Adoption): Adopted {
  const mark = whole.startsWith('\ufeff') ? '\ufeff' : ''
  const text = whole.slice(mark.length)
  const before = loadSite(text, file)
  if (before.kind === 'problems') return { kind: 'problems', when: 'before', problems: before.problems }
  const index = clusterIndex(before.site, adoption.cluster)
  if (typeof index === 'string') return { kind: 'refused', reason: index }
  const { name: cluster, nodes } = before.site.clusters[index] as Site['clusters'][number]
  const name = adoption.name.toLowerCase()
  const key = `${cluster}/${name}`
  const at = nodes.findIndex((node) => node.name === name)
  if (at !== -1) {
    const line = lineOf(text, beginOf(nodeList(text, index), at))
    const other = difference(nodes[at] as Node, adoption)
    if (other === undefined) return { kind: 'present', text: whole, line, key }
    return { kind: 'refused', reason: `${key} is in the site already (line ${line}), with ${other}` }
  }
  // Behind the last of its like; where there is none, behind the last.
  const like = nodes.findLastIndex(({ role }) => role === adoption.role)

  const { offset, inserted } = insertion(text, [index, like === -1 ? nodes.length - 1 : like], adoption)
  const made = text.slice(0, offset) + inserted + text.slice(offset)
  const after = loadSite(made, file)
  if (after.kind === 'problems') return { kind: 'problems', when: 'after', problems: after.problems }
  if (everythingBut(after.site, [key]) !== everythingBut(before.site, [])) {
    return { kind: 'refused', reason: `the node beside which ${key} goes would change: write it in by hand` }
  }
  const line = lineOf(made, offset + inserted.search(/[^\s,]/))
  return { kind: 'adopted', text: mark + made, line, key }
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

/** What a declared node has that another of its name would not have. */
function difference(node: Node, { mac, role, addresses }: Adoption): string | undefined {
  const wanted = addresses.map(parseIp)
  const isSame = node.address.every((address) => wanted.includes(address))
  const [had, given] = [node.address.map(formatIp).join(', '), addresses.join(', ')]
  if (node.mac !== mac) return `the MAC address ${node.mac}, not ${mac}`
  if (!isSame || wanted.length !== node.address.length) return `the address ${had}, not ${given}`
  return node.role === role ? undefined : `the role ${node.role}, not ${role}`
}
