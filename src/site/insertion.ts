/**
 * Where in a site file's text a node's entry goes, and the entry itself in the manner of its neighbour: braces or
 * block, quotes, the order of keys, columns, blank lines. Pure text; whether it loads is the caller's to ask.
 */
import {
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  stringify,
  type ParsedNode,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import type { Adoption } from './adoption.ts'

type Place = {
  readonly text: string
  readonly nodes: YAMLSeq.Parsed<YAMLMap.Parsed>
  /** The index of the neighbour. */
  readonly item: number
  /** The neighbour: its manner is taken over. */
  readonly pattern: YAMLMap.Parsed
}

/** A list of nodes is always written out: an alias would repeat the MAC addresses of another one. */
function placeOf(text: string, [cluster, item]: readonly [number, number]): Place {
  const document = parseDocument(text, { schema: 'core', merge: false })
  const nodes = document.getIn(['clusters', cluster, 'nodes'], true) as YAMLSeq.Parsed<YAMLMap.Parsed>
  return { text, nodes, item, pattern: nodes.items[item] as YAMLMap.Parsed }
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
  const end = endOfLine(text, lastOffset(pattern))
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  // The first dash of a block list stands where the list begins, and all stand in one column.
  const indent = ' '.repeat(columnOf(text, nodes.range[0]))
  const entry =
    pattern.flow === true ? `- ${flowEntry(place, adoption)}` : blockEntry(place, adoption, newline)
  const gap = item > 0 && hasBlankLineBefore(text, pattern.range[0]) ? newline : ''
  return { offset: end, inserted: `${newline}${gap}${indent}${entry}` }
}

/** What stands between two entries of a list in brackets: as between the neighbour and the one before it. */
function separator({ text, nodes, item }: Place): string {
  const [first, second] = item === 0 ? [0, 1] : [item - 1, item]
  const [left, right] = [nodes.items[first], nodes.items[second]]
  const between = left === undefined || right === undefined ? '' : text.slice(left.range[1], right.range[0])
  return /^,\s+$/.test(between) ? between : ', '
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

function blockEntry({ text, pattern, nodes }: Place, adoption: Adoption, newline: string): string {
  const [start] = pattern.range
  const dash = text.lastIndexOf('-', start - 1)
  const between = text.slice(dash + 1, start)
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

/** Behind the last character of what is written: a map's own end may lie behind comments. */
function lastOffset(node: ParsedNode): number {
  if ((!isMap(node) && !isSeq(node)) || node.flow === true) return node.range[1]
  // Neither is empty, nor a value of a node that loads.
  const last = node.items.at(-1) as YAMLMap.Parsed['items'][number] | ParsedNode
  return lastOffset('key' in last ? (last.value as ParsedNode) : last)
}

/** Comments behind an entry stay with it. */
function endOfLine(text: string, offset: number): number {
  const rest = /\r?\n|$/g
  rest.lastIndex = offset
  return (rest.exec(text) as RegExpExecArray).index
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1)
}

function hasBlankLineBefore(text: string, offset: number): boolean {
  return /\n[ \t]*\r?\n[ \t]*-[ \t]*$/.test(text.slice(0, offset))
}
