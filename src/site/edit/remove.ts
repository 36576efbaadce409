/** Nodes taken out of the text of a site file, and not one other character changed (removal.ts). Pure. */
import type { Unchanged } from './add.ts'
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
  startOfLine,
  tokensBefore,
  type NodeList,
} from './entries.ts'
import { loadSite } from '../load.ts'
import type { Site } from '../schema.ts'
import type { CST } from 'yaml'

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
  if (siteWithout(after.site, []) !== siteWithout(before.site, keys)) {
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

/**
 * What goes when a node's entry goes out of a site file's text: its lines, or what is its own within a line that it
 * shares; its comma; the comment behind it on a line of its own; the blank line that set it apart. A comment above
 * it stays, unless it begins with the node's name and names no other node. Pure text; whether the rest loads is the
 * caller's to ask.
 */

/** From the first character that goes to the first one that stays. */
type Cut = { readonly from: number; readonly to: number }

/** First labels, in lower case. */
export type Names = { readonly own: string; readonly others: readonly string[] }

type Place = { readonly text: string; readonly nodes: NodeList; readonly item: number; readonly names: Names }

/**
 * The text without the entry.
 *
 * @param text parses as a site, and the cluster has other nodes beside this one
 * @param at indices of its cluster and of the node
 */
export function withoutEntry(
  text: string,
  at: readonly [cluster: number, node: number],
  names: Names,
): string {
  const [cluster, item] = at
  const nodes = nodeList(text, cluster)
  const place = { text, nodes, item, names }
  const cuts = nodes.flow === true ? flowCuts(place) : [blockCut(place)]
  return cuts.reduceRight((rest, { from, to }) => rest.slice(0, from) + rest.slice(to), text)
}

function blockCut(place: Place): Cut {
  const { text, nodes, item } = place
  return wholeLines(place, beginOf(nodes, item), lastOffset(text, entryAt(nodes, item)))
}

function flowCuts(place: Place): readonly Cut[] {
  const { text, nodes, item } = place
  const begin = beginOf(nodes, item)
  const [, end] = entryAt(nodes, item).range
  const lineBefore = text.slice(startOfLine(text, begin), begin)
  const lineBehind = text.slice(end, endOfLine(text, end))
  const above = /^[ \t]*(,?)[ \t]*$/.exec(lineBefore)
  const behind = /^[ \t]*(,?)[ \t]*(?:#.*)?$/.exec(lineBehind)
  if (above !== null && behind !== null) {
    const lines = wholeLines(place, begin, end)
    // One comma goes with an entry, wherever it stands.
    return above[1] === '' && behind[1] === '' ? inOrder([lines, commaOf(place)]) : [lines]
  }
  const isOneLine = (from: number, to: number) => !text.slice(from, to).includes('\n')
  const isRemarked = (from: number, to: number) => text.slice(from, to).includes('#')
  const previousEnd = item === 0 ? undefined : entryAt(nodes, item - 1).range[1]
  const nextBegin = item + 1 === nodes.items.length ? undefined : beginOf(nodes, item + 1)
  if (previousEnd !== undefined && isOneLine(previousEnd, begin)) return [{ from: previousEnd, to: end }]
  if (nextBegin !== undefined && isOneLine(end, nextBegin)) return [{ from: begin, to: nextBegin }]
  // It is the first or the last, and shares its line with a bracket.
  if (previousEnd !== undefined && !isRemarked(previousEnd, begin)) return [{ from: previousEnd, to: end }]
  if (nextBegin !== undefined && !isRemarked(end, nextBegin)) return [{ from: begin, to: nextBegin }]
  if (behind === null) return inOrder([{ from: begin, to: end }, commaOf(place)])
  const blanks = lineBefore.length - lineBefore.trimEnd().length
  const own = { from: begin - blanks, to: endOfLine(text, end) }
  return behind[1] === ',' ? [own] : inOrder([own, commaOf(place)])
}

/** The comma before an entry; of the first, the one behind it. */
function commaOf({ nodes, item }: Place): Cut {
  const isComma = ({ type }: CST.SourceToken) => type === 'comma'
  const { offset } = tokensBefore(nodes, Math.max(item, 1)).find(isComma) as CST.SourceToken
  return { from: offset, to: offset + 1 }
}

function inOrder(cuts: readonly Cut[]): readonly Cut[] {
  return [...cuts].sort((a, b) => a.from - b.from)
}

/** From the line of `first` to that of `last`, and the blank lines that set them apart. */
function wholeLines({ text, nodes, item, names }: Place, first: number, last: number): Cut {
  const start = startOfRemark(text, first, names)
  const end = endOfLine(text, last)
  const isLast = item + 1 === nodes.items.length
  const isApartBelow = hasBlankLineBelow(text, end)
  if (hasBlankLineAbove(text, start) && (isLast || isApartBelow)) {
    return { from: endOfLine(text, text.slice(0, start).trimEnd().length), to: end }
  }
  const from = endOfLine(text, startOfLine(text, start - 1))
  if (item > 0 || !isApartBelow) return { from, to: end }
  // The next one is the first now.
  const below = startOfLine(text, text.length - text.slice(end).trimStart().length)
  return { from, to: endOfLine(text, startOfLine(text, below - 1)) }
}

/** Where the lines of an entry begin: with a comment right above it that is about it alone. */
function startOfRemark(text: string, first: number, { own, others }: Names): number {
  const line = startOfLine(text, first)
  const column = columnOf(text, first)
  let start = line
  for (;;) {
    const above = startOfLine(text, start - 1)
    if (text.slice(above, start).search(/\S/) !== column || text[above + column] !== '#') break
    start = above
  }
  const remark = text.slice(start, line)
  const isNamed = (name: string) => new RegExp(`(?<![\\w-])${name}(?![\\w-])`, 'i').test(remark)
  const isOwn = new RegExp(`^\\s*#+\\s*${own}(?![\\w-])`, 'i').test(remark) && !others.some(isNamed)
  return isOwn ? start : line
}
