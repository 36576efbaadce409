/** Positions of node entries in the text of a site file, for edits that change nothing else. Pure. */
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

/** What has a list of nodes: a cluster or a group, by its index in the section. */
export type OwnerPath = readonly [section: 'clusters' | 'groups', index: number]

/** Returns the list of nodes of a cluster or a group. It is never an alias, because that would repeat MAC addresses. */
export function nodeList(text: string, owner: OwnerPath): NodeList {
  const document = parseDocument(text, { schema: 'core', merge: false, keepSourceTokens: true })
  return document.getIn([...owner, 'nodes'], true) as NodeList
}

export function entryAt(nodes: NodeList, item: number): YAMLMap.Parsed {
  return nodes.items[item] as YAMLMap.Parsed
}

/** Returns the tokens between the previous entry and this one: dash, comma, spaces, comments, anchor. */
export function tokensBefore(nodes: NodeList, item: number): readonly CST.SourceToken[] {
  const { items } = nodes.srcToken as CST.BlockSequence | CST.FlowCollection
  return (items[item] as (typeof items)[number]).start
}

/** Returns where an entry starts, including its dash or anchor. */
export function startOf(nodes: NodeList, item: number): number {
  const first = tokensBefore(nodes, item).find(({ type }) => type === 'seq-item-ind' || type === 'anchor')
  return first?.offset ?? entryAt(nodes, item).range[0]
}

/** Returns the offset after the last character of a value. The range of a map may include comments after it. */
export function lastOffset(text: string, node: ParsedNode): number {
  if ((isMap(node) || isSeq(node)) && node.flow !== true) {
    // A valid node has no empty map or list.
    const last = node.items.at(-1) as YAMLMap.Parsed['items'][number] | ParsedNode
    return lastOffset(text, 'key' in last ? (last.value as ParsedNode) : last)
  }
  const [start, end] = node.range
  if (!isScalar(node) || node.type === undefined || !node.type.startsWith('BLOCK')) return end
  // A block scalar ends with a line break; blank lines below belong to it only with the indicator `+`.
  const isKept = /^[|>]\d?\+/.test(text.slice(start, end))
  return start + text.slice(start, end).replace(isKept ? /\r?\n$/ : /\s+$/, '').length
}

/** Returns the end of the line, so that a comment after an entry stays with it. */
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

/** Returns the line number, starting from 1. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

/** Reports whether the line before the one at `offset` is blank. */
export function hasBlankLineAbove(text: string, offset: number): boolean {
  return /\n[ \t]*\r?\n$/.test(text.slice(0, startOfLine(text, offset)))
}

/** Reports whether the next line is blank. @param end the end of a line */
export function hasBlankLineBelow(text: string, end: number): boolean {
  return /^\r?\n[ \t]*(?:\r?\n|$)/.test(text.slice(end))
}

/**
 * Renders a site without some nodes, to check that an edit changed nothing else.
 *
 * @param keys `<cluster>/<name>` or `<group>/<name>`
 */
export function siteWithout(site: Site, keys: readonly string[]): string {
  const without = <Owner extends { readonly name: string; readonly nodes: readonly { name: string }[] }>(
    owner: Owner,
  ) => ({ ...owner, nodes: owner.nodes.filter(({ name }) => !keys.includes(`${owner.name}/${name}`)) })
  const [clusters, groups] = [site.clusters.map(without), site.groups.map(without)]
  return JSON.stringify({ ...site, clusters, groups })
}
