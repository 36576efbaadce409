/**
 * Where in a site file's text a node's entry goes, and the entry itself in the manner of its neighbour: braces or
 * block, quotes, the order of keys, columns, blank lines. Pure text; whether it loads is the caller's to ask.
 */
import { isScalar, stringify, type YAMLMap } from 'yaml'
import type { Adoption } from './adoption.ts'
import {
  beginOf,
  columnOf,
  endOfLine,
  entryAt,
  hasBlankLineAbove,
  hasBlankLineBelow,
  lastOffset,
  nodeList,
  type NodeList,
} from './entry-text.ts'

type Place = {
  readonly text: string
  readonly nodes: NodeList
  /** The index of the neighbour. */
  readonly item: number
  /** The neighbour: its manner is taken over. */
  readonly pattern: YAMLMap.Parsed
}

function placeOf(text: string, [cluster, item]: readonly [number, number]): Place {
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
function separator({ text, nodes, item, pattern }: Place): string {
  const end = pattern.range[1]
  if (nodes.items.length === 1) return ', '
  const left = item + 1 < nodes.items.length ? item : item - 1
  const between = text.slice(entryAt(nodes, left).range[1], entryAt(nodes, left + 1).range[0])
  const isRemarked = text.slice(end, endOfLine(text, end)).includes('#')
  return /^\s*,\s*$/.test(between) && !isRemarked ? between : ', '
}

/** `{ name: w4, role: worker, … }` with blanks inside the braces and columns as the pattern has them. */
function flowEntry({ text, pattern, nodes }: Place, adoption: Adoption): string {
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

function blockEntry({ text, pattern, nodes, item }: Place, adoption: Adoption, newline: string): string {
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
