/**
 * Removes nodes from the text of a site file. With an entry, it removes its lines (or its part of a shared line), its
 * comma, a comment after it, and the blank line that separates it. It removes a comment above the entry only if the
 * comment starts with the name of the node and names no other node. No other character changes. Pure.
 */
import type { Unchanged } from './add.ts'
import {
  startOf,
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
  type OwnerPath,
} from './entries.ts'
import { isGroup } from '../declared.ts'
import { loadSite } from '../load.ts'
import type { Cluster, Group, Site } from '../schema.ts'
import type { CST } from 'yaml'

export type Removed =
  | Unchanged
  | {
      readonly kind: 'removed'
      /** The whole new text. */
      readonly text: string
      /** The removed nodes with the lines that they were on. */
      readonly nodes: readonly { readonly key: string; readonly line: number }[]
    }

/** @param file as for {@link loadSite} @param keys `<cluster>/<name>` or `<group>/<name>` */
export function removeNodes(whole: string, file: string, keys: readonly string[]): Removed {
  const mark = whole.startsWith('\ufeff') ? '\ufeff' : ''
  const text = whole.slice(mark.length)
  const before = loadSite(text, file)
  if (before.kind === 'problems') return { kind: 'problems', when: 'before', problems: before.problems }
  const all = entriesOf(before.site)
  const removed = all.filter(({ key }) => keys.includes(key))
  const missing = keys.find((key) => !all.some((entry) => entry.key === key))
  if (missing !== undefined) {
    return { kind: 'refused', code: 'site.node-unknown', reason: `the site has no node ${missing}` }
  }
  const owners: readonly (Cluster | Group)[] = [...before.site.clusters, ...before.site.groups]
  const emptied = owners.find(({ name, nodes }) =>
    nodes.every((node) => keys.includes(`${name}/${node.name}`)),
  )
  if (emptied !== undefined) {
    const kind = isGroup(emptied) ? 'group' : 'cluster'
    const reason = `${emptied.name} would have no node left: remove the ${kind} by hand`
    return { kind: 'refused', code: 'site.edit-unsafe', reason }
  }
  // From last to first, so that the offsets of the others stay valid.
  const made = removed.reduceRight((rest, { at, name }) => {
    const others = all.map((entry) => entry.name).filter((other) => other !== name)
    return withoutEntry(rest, at, { own: name, others })
  }, text)
  const after = loadSite(made, file)
  if (after.kind === 'problems') return { kind: 'problems', when: 'after', problems: after.problems }
  if (siteWithout(after.site, []) !== siteWithout(before.site, keys)) {
    const reason = `removing ${keys.join(', ')} would change other parts of the site: edit the site file by hand`
    return { kind: 'refused', code: 'site.edit-unsafe', reason }
  }
  const nodes = removed.map(({ key, at: [owner, item] }) => ({
    key,
    line: lineOf(text, startOf(nodeList(text, owner), item)),
  }))
  return { kind: 'removed', text: mark + made, nodes }
}

/** The cluster or group of an entry, and its index in the list of nodes. */
type EntryPath = readonly [owner: OwnerPath, item: number]

type DeclaredEntry = { readonly key: string; readonly name: string; readonly at: EntryPath }

function entriesOf(site: Site): DeclaredEntry[] {
  return (['clusters', 'groups'] as const).flatMap((section) =>
    site[section].flatMap((owner, index) =>
      owner.nodes.map(({ name }, item): DeclaredEntry => ({
        key: `${owner.name}/${name}`,
        name,
        at: [[section, index], item],
      })),
    ),
  )
}

/** The range from the first removed character to the first one that stays. */
type Cut = { readonly from: number; readonly to: number }

/** First labels, in lower case. */
export type Names = { readonly own: string; readonly others: readonly string[] }

type Entry = { readonly text: string; readonly nodes: NodeList; readonly item: number; readonly names: Names }

/**
 * Returns the text without the entry.
 *
 * @param text a valid site in which the list has other entries too
 */
export function withoutEntry(text: string, [owner, item]: EntryPath, names: Names): string {
  const nodes = nodeList(text, owner)
  const entry = { text, nodes, item, names }
  const cuts = nodes.flow === true ? flowCuts(entry) : [blockCut(entry)]
  return cuts.reduceRight((rest, { from, to }) => rest.slice(0, from) + rest.slice(to), text)
}

function blockCut(entry: Entry): Cut {
  const { text, nodes, item } = entry
  return wholeLines(entry, startOf(nodes, item), lastOffset(text, entryAt(nodes, item)))
}

function flowCuts(entry: Entry): readonly Cut[] {
  const { text, nodes, item } = entry
  const begin = startOf(nodes, item)
  const [, end] = entryAt(nodes, item).range
  const lineBefore = text.slice(startOfLine(text, begin), begin)
  const lineBehind = text.slice(end, endOfLine(text, end))
  const above = /^[ \t]*(,?)[ \t]*$/.exec(lineBefore)
  const behind = /^[ \t]*(,?)[ \t]*(?:#.*)?$/.exec(lineBehind)
  if (above !== null && behind !== null) {
    const lines = wholeLines(entry, begin, end)
    // One comma is removed with an entry, before or after it.
    return above[1] === '' && behind[1] === '' ? inOrder([lines, commaOf(entry)]) : [lines]
  }
  const isOneLine = (from: number, to: number) => !text.slice(from, to).includes('\n')
  const hasComment = (from: number, to: number) => text.slice(from, to).includes('#')
  const previousEnd = item === 0 ? undefined : entryAt(nodes, item - 1).range[1]
  const nextBegin = item + 1 === nodes.items.length ? undefined : startOf(nodes, item + 1)
  if (previousEnd !== undefined && isOneLine(previousEnd, begin)) return [{ from: previousEnd, to: end }]
  if (nextBegin !== undefined && isOneLine(end, nextBegin)) return [{ from: begin, to: nextBegin }]
  // The entry is the first or the last, and shares its line with a bracket.
  if (previousEnd !== undefined && !hasComment(previousEnd, begin)) return [{ from: previousEnd, to: end }]
  if (nextBegin !== undefined && !hasComment(end, nextBegin)) return [{ from: begin, to: nextBegin }]
  if (behind === null) return inOrder([{ from: begin, to: end }, commaOf(entry)])
  const blanks = lineBefore.length - lineBefore.trimEnd().length
  const own = { from: begin - blanks, to: endOfLine(text, end) }
  return behind[1] === ',' ? [own] : inOrder([own, commaOf(entry)])
}

/** Returns the comma before an entry; for the first entry, the one after it. */
function commaOf({ nodes, item }: Entry): Cut {
  const isComma = ({ type }: CST.SourceToken) => type === 'comma'
  const { offset } = tokensBefore(nodes, Math.max(item, 1)).find(isComma) as CST.SourceToken
  return { from: offset, to: offset + 1 }
}

function inOrder(cuts: readonly Cut[]): readonly Cut[] {
  return [...cuts].sort((a, b) => a.from - b.from)
}

/** Returns the lines from `first` to `last`, with the blank lines that separate them. */
function wholeLines({ text, nodes, item, names }: Entry, first: number, last: number): Cut {
  const start = startWithComment(text, first, names)
  const end = endOfLine(text, last)
  const isLast = item + 1 === nodes.items.length
  const isApartBelow = hasBlankLineBelow(text, end)
  if (hasBlankLineAbove(text, start) && (isLast || isApartBelow)) {
    return { from: endOfLine(text, text.slice(0, start).trimEnd().length), to: end }
  }
  const from = endOfLine(text, startOfLine(text, start - 1))
  if (item > 0 || !isApartBelow) return { from, to: end }
  // The next entry becomes the first.
  const below = startOfLine(text, text.length - text.slice(end).trimStart().length)
  return { from, to: endOfLine(text, startOfLine(text, below - 1)) }
}

/** Returns where the lines of an entry start, including a comment directly above that is only about this entry. */
function startWithComment(text: string, first: number, { own, others }: Names): number {
  const line = startOfLine(text, first)
  const column = columnOf(text, first)
  let start = line
  for (;;) {
    const above = startOfLine(text, start - 1)
    if (text.slice(above, start).search(/\S/) !== column || text[above + column] !== '#') break
    start = above
  }
  const comment = text.slice(start, line)
  const isNamed = (name: string) => new RegExp(`(?<![\\w-])${name}(?![\\w-])`, 'i').test(comment)
  const isOwn = new RegExp(`^\\s*#+\\s*${own}(?![\\w-])`, 'i').test(comment) && !others.some(isNamed)
  return isOwn ? start : line
}
