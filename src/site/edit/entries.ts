/** Where the entries of a cluster's nodes stand in a site file's text: what is put beside one, and what is cut out. */
import {
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type CST,
  type ParsedNode,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import type { Site } from '../schema.ts'

export type NodeList = YAMLSeq.Parsed<YAMLMap.Parsed>

/** A list of nodes is always written out: an alias would repeat the MAC addresses of another one. */
export function nodeList(text: string, cluster: number): NodeList {
  const document = parseDocument(text, { schema: 'core', merge: false, keepSourceTokens: true })
  return document.getIn(['clusters', cluster, 'nodes'], true) as NodeList
}

export function entryAt(nodes: NodeList, item: number): YAMLMap.Parsed {
  return nodes.items[item] as YAMLMap.Parsed
}

/** What stands before an entry, from the end of the one before it: dash, comma, blanks, comments, anchor. */
export function tokensBefore(nodes: NodeList, item: number): readonly CST.SourceToken[] {
  const { items } = nodes.srcToken as CST.BlockSequence | CST.FlowCollection
  return (items[item] as (typeof items)[number]).start
}

/** Its dash, in a list without brackets; an anchor belongs to what it marks. */
export function beginOf(nodes: NodeList, item: number): number {
  const first = tokensBefore(nodes, item).find(({ type }) => type === 'seq-item-ind' || type === 'anchor')
  return first?.offset ?? entryAt(nodes, item).range[0]
}

/** Behind the last character of what is written: a map's own end may lie behind comments. */
export function lastOffset(text: string, node: ParsedNode): number {
  if ((isMap(node) || isSeq(node)) && node.flow !== true) {
    // Neither is empty, nor a value of a node that loads.
    const last = node.items.at(-1) as YAMLMap.Parsed['items'][number] | ParsedNode
    return lastOffset(text, 'key' in last ? (last.value as ParsedNode) : last)
  }
  const [start, end] = node.range
  if (!isScalar(node) || node.type === undefined || !node.type.startsWith('BLOCK')) return end
  // A text of several lines ends with a line break; the blank lines below it are its own when it keeps them.
  const isKept = /^[|>]\d?\+/.test(text.slice(start, end))
  return start + text.slice(start, end).replace(isKept ? /\r?\n$/ : /\s+$/, '').length
}

/** Comments behind an entry stay with it. */
export function endOfLine(text: string, offset: number): number {
  const rest = /\r?\n|$/g
  rest.lastIndex = offset
  return (rest.exec(text) as RegExpExecArray).index
}

export function startOfLine(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}

export function columnOf(text: string, offset: number): number {
  return offset - startOfLine(text, offset)
}

/** From 1. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

/** Whether what begins on the line at `offset` stands apart from what is above it. */
export function hasBlankLineAbove(text: string, offset: number): boolean {
  return /\n[ \t]*\r?\n$/.test(text.slice(0, startOfLine(text, offset)))
}

/** @param end of a line */
export function hasBlankLineBelow(text: string, end: number): boolean {
  return /^\r?\n[ \t]*(?:\r?\n|$)/.test(text.slice(end))
}

/** What an edit of a site's text must leave as it was: everything but the nodes that it is about. Pure. */

/** Two texts that are equal say the same of all other nodes, and of the site. @param keys `<cluster>/<name>` */
export function siteWithout(site: Site, keys: readonly string[]): string {
  const clusters = site.clusters.map((cluster) => ({
    ...cluster,
    nodes: cluster.nodes.filter(({ name }) => !keys.includes(`${cluster.name}/${name}`)),
  }))
  return JSON.stringify({ ...site, clusters })
}
