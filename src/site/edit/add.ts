/**
 * One more node in the text of a site file: written in the manner of its neighbour, behind it, and not one other
 * character changed. What cannot be done so is refused, and so is what would not load. Pure.
 */
import { formatIp, parseIp } from '../../proto/address/ip.ts'
import {
  beginOf,
  lineOf,
  nodeList,
  siteWithout,
  columnOf,
  endOfLine,
  entryAt,
  hasBlankLineAbove,
  hasBlankLineBelow,
  lastOffset,
  type NodeList,
} from './entries.ts'
import { loadSite } from '../load.ts'
import type { Problem } from '../problem.ts'
import type { Node, Site, Role } from '../schema.ts'
import { isScalar, stringify, type YAMLMap } from 'yaml'

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
export function addNode(whole: string, file: string, adoption: Adoption): Adopted {
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
  if (siteWithout(after.site, [key]) !== siteWithout(before.site, [])) {
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

/** A machine that is to be a node: what the site file does not know of it yet. */

export type Adoption = {
  readonly mac: string
  readonly name: string
  readonly role: Role
  /** One or several, as they are to be written. */
  readonly addresses: readonly string[]
  /** May be left out where the site has only one. */
  readonly cluster: string | undefined
}

/**
 * Where in a site file's text a node's entry goes, and the entry itself in the manner of its neighbour: braces or
 * block, quotes, the order of keys, columns, blank lines. Pure text; whether it loads is the caller's to ask.
 */

type TextPosition = {
  readonly text: string
  readonly nodes: NodeList
  /** The index of the neighbour. */
  readonly item: number
  /** The neighbour: its manner is taken over. */
  readonly pattern: YAMLMap.Parsed
}

function placeOf(text: string, [cluster, item]: readonly [number, number]): TextPosition {
  const nodes = nodeList(text, cluster)
  return { text, nodes, item, pattern: entryAt(nodes, item) }
}

/**
 * What is put into the text, and before which of its characters.
 *
 * @param text a site that loads
 * @param neighbour indices of its cluster and of the node behind which the entry goes
 */
export function insertion(
  text: string,
  neighbour: readonly [cluster: number, node: number],
  adoption: Adoption,
): { offset: number; inserted: string } {
  const place = placeOf(text, neighbour)
  const { nodes, item, pattern } = place
  if (nodes.flow === true) {
    return { offset: pattern.range[1], inserted: separator(place) + flowEntry(place, adoption) }
  }
  const end = endOfLine(text, lastOffset(text, pattern))
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  // The first dash of a block list stands where the list begins, and all stand in one column.
  const indent = ' '.repeat(columnOf(text, nodes.range[0]))
  const entry =
    pattern.flow === true ? `- ${flowEntry(place, adoption)}` : blockEntry(place, adoption, newline)
  const isApartBelow = item + 1 === nodes.items.length || hasBlankLineBelow(text, end)
  const isApart = item > 0 && hasBlankLineAbove(text, beginOf(nodes, item)) && isApartBelow
  const gap = isApart ? newline : ''
  return { offset: end, inserted: `${newline}${gap}${indent}${entry}` }
}

/**
 * What stands between two entries of a list in brackets: as between the neighbour and the next, or the one before
 * it. A comment is not taken along, and the one behind the neighbour stays on its line.
 */
function separator({ text, nodes, item, pattern }: TextPosition): string {
  const end = pattern.range[1]
  if (nodes.items.length === 1) return ', '
  const left = item + 1 < nodes.items.length ? item : item - 1
  const between = text.slice(entryAt(nodes, left).range[1], entryAt(nodes, left + 1).range[0])
  const isRemarked = text.slice(end, endOfLine(text, end)).includes('#')
  return /^\s*,\s*$/.test(between) && !isRemarked ? between : ', '
}

/** `{ name: w4, role: worker, … }` with blanks inside the braces and columns as the pattern has them. */
function flowEntry({ text, pattern, nodes }: TextPosition, adoption: Adoption): string {
  const [start] = pattern.range
  const blank = /\s/.test(text.charAt(start + 1)) ? ' ' : ''
  const isAligned = nodes.items.some((item) => /, {2,}\w/.test(text.slice(item.range[0], item.range[1])))
  let entry = `{${blank}`
  for (const { key, value, offset } of fields(pattern, adoption)) {
    const isFirst = entry === `{${blank}`
    if (!isFirst) entry += ', '
    if (!isFirst && isAligned) entry = entry.padEnd(offset - start)
    entry += `${key}: ${value}`
  }
  return `${entry}${blank}}`
}

function blockEntry(
  { text, pattern, nodes, item }: TextPosition,
  adoption: Adoption,
  newline: string,
): string {
  const [start] = pattern.range
  const between = text.slice(beginOf(nodes, item) + 1, start)
  const lead = /^\s+$/.test(between) ? between : ' '
  const indent = lead.includes('\n')
    ? columnOf(text, start)
    : columnOf(text, nodes.range[0]) + 1 + lead.length
  const lines = fields(pattern, adoption).map(({ key, value }) => `${key}: ${value}`)
  return `-${lead}${lines.join(newline + ' '.repeat(indent))}`
}

type Field = { readonly key: string; readonly value: string; readonly offset: number }

/** In the pattern's order, a value that it has in quotes in the same quotes. */
function fields(pattern: YAMLMap.Parsed, { name, role, mac, addresses }: Adoption): Field[] {
  const values: Readonly<Record<string, string>> = {
    name: scalarText(name),
    role,
    mac,
    address:
      addresses.length === 1 ? addresses.map(scalarText).join() : `[${addresses.map(scalarText).join(', ')}]`,
  }
  return pattern.items.flatMap(({ key, value }): Field[] => {
    const text = values[String(key)]
    return text === undefined ? [] : [{ key: String(key), value: quoted(text, value), offset: key.range[0] }]
  })
}

/** In quotes where YAML would read something else, or more than one value. */
function scalarText(text: string): string {
  const isPlain = /^[\w.:-]+$/.test(text) && stringify(text, { schema: 'core' }).trim() === text
  return isPlain ? text : JSON.stringify(text)
}

function quoted(text: string, like: unknown): string {
  const isBare = /^[^"'[]/.test(text)
  const quote = isScalar(like) ? quotes[String(like.type)] : undefined
  return isBare && quote !== undefined ? quote + text + quote : text
}

const quotes: Readonly<Record<string, string>> = { QUOTE_DOUBLE: '"', QUOTE_SINGLE: "'" }
