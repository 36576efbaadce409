/**
 * Adds a node to the text of a site file, after another node and in the same style (braces or block, quotes, order of
 * keys, columns, blank lines), and changes no other character. Refuses if that is not possible or the result would not
 * load. Pure.
 */
import { formatIp, parseIp } from '../../proto/address/ip.ts'
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
  type NodeList,
  type OwnerPath,
} from './entries.ts'
import type { SiteCode } from '../codes.ts'
import { loadSite } from '../load.ts'
import type { DiskHints } from '../disk-section.ts'
import type { Problem } from '../problem.ts'
import type { Cluster, Group, GroupNode, Node, Site, Role } from '../schema.ts'
import { isScalar, stringify, type YAMLMap } from 'yaml'

/** Why the text of a site is not changed. */
export type Unchanged =
  /** Problems of the site before the edit, or that the edit would cause. */
  | { readonly kind: 'problems'; readonly when: 'before' | 'after'; readonly problems: readonly Problem[] }
  /** `reason` is a sentence. */
  | { readonly kind: 'refused'; readonly code: SiteCode; readonly reason: string }

export type Adopted =
  | Unchanged
  | {
      /** `present`: the site has exactly this node already, and the text is unchanged. */
      readonly kind: 'adopted' | 'present'
      /** The whole text, and the line of the node in it. */
      readonly text: string
      readonly line: number
      readonly key: string
      /** The text that was inserted, from its first column; empty if nothing was. */
      readonly entry: string
      /** The site with the node. */
      readonly site: Site
    }

/** @param file as for {@link loadSite} */
export function addNode(whole: string, file: string, adoption: Adoption): Adopted {
  const mark = whole.startsWith('\ufeff') ? '\ufeff' : ''
  const text = whole.slice(mark.length)
  const before = loadSite(text, file)
  if (before.kind === 'problems') return { kind: 'problems', when: 'before', problems: before.problems }
  const found = findOwner(before.site, adoption)
  if (typeof found === 'string') return { kind: 'refused', code: 'site.cluster-unclear', reason: found }
  const { path } = found
  const nodes: readonly (Node | GroupNode)[] = found.owner.nodes
  const name = adoption.name.toLowerCase()
  const key = `${found.owner.name}/${name}`
  const at = nodes.findIndex((node) => node.name === name)
  if (at !== -1) {
    const line = lineOf(text, startOf(nodeList(text, path), at))
    const other = difference(nodes[at] as Node | GroupNode, adoption)
    if (other === undefined) return { kind: 'present', text: whole, line, key, entry: '', site: before.site }
    const reason = `the site file already has ${key} (line ${line}), with ${other}`
    return { kind: 'refused', code: 'site.node-known', reason }
  }
  // After the last node of the same role, or else after the last node.
  const sameRole = nodes.findLastIndex((node) => roleOf(node) === adoption.role)
  const neighbor = sameRole === -1 ? nodes.length - 1 : sameRole
  const { offset, inserted } = insertion(text, [path, neighbor], adoption)
  const made = text.slice(0, offset) + inserted + text.slice(offset)
  const after = loadSite(made, file)
  if (after.kind === 'problems') return { kind: 'problems', when: 'after', problems: after.problems }
  if (siteWithout(after.site, [key]) !== siteWithout(before.site, [])) {
    const reason = `adding ${key} would change the node before it: edit the site file by hand`
    return { kind: 'refused', code: 'site.edit-unsafe', reason }
  }
  const line = lineOf(made, offset + inserted.search(/[^\s,]/))
  const entry = entryText(inserted)
  return { kind: 'adopted', text: mark + made, line, key, entry, site: after.site }
}

/** Removes the separator before the entry, and the indentation that its lines have in common. */
function entryText(inserted: string): string {
  const text = inserted.replace(/^[\s,]*\n/, '')
  const indent = text.search(/[^ ]|$/)
  return text
    .split(/\r?\n/)
    .map((line) => line.slice(indent))
    .join('\n')
    .replace(/^[\s,]+/, '')
    .trimEnd()
}

/** Returns the cluster or the group of the node, or a sentence if it cannot be determined. */
function findOwner(
  { clusters, groups }: Site,
  { role, cluster: wanted }: Adoption,
): { readonly path: OwnerPath; readonly owner: Cluster | Group } | string {
  const isMachine = role === undefined
  const section = isMachine ? 'groups' : 'clusters'
  const kind = isMachine ? 'group' : 'cluster'
  const owners: readonly (Cluster | Group)[] = isMachine ? groups : clusters
  const names = owners.map(({ name }) => name)
  const index = names.indexOf(wanted?.toLowerCase() ?? names[0] ?? '')
  const owner = owners[index]
  if (owner === undefined) {
    const others = isMachine ? clusters : groups
    if (others.some(({ name }) => name === wanted?.toLowerCase())) {
      return isMachine
        ? `${wanted} is a cluster: name the role of the node with --role`
        : `${wanted} is a group, whose machines have no role: omit --role`
    }
    if (names.length === 0) return `the site has no ${kind}: declare one first`
    return `the site has no ${kind} ${wanted}, only ${names.join(', ')}`
  }
  if (wanted === undefined && names.length > 1) {
    return `the site has several ${section}, choose one with --${kind}: ${names.join(', ')}`
  }
  return { path: [section, index], owner }
}

/** Returns nothing for a machine of a group. */
function roleOf(node: Node | GroupNode): Role | undefined {
  return 'role' in node ? node.role : undefined
}

/** Describes the first difference between a declared node and the one to add. */
function difference(node: Node | GroupNode, { macs, role, addresses }: Adoption): string | undefined {
  const wanted = addresses.map(parseIp)
  const isSame = node.address.every((address) => wanted.includes(address))
  const [had, given] = [node.address.map(formatIp).join(', '), addresses.join(', ')]
  const givenMacs = macs.join(', ')
  if (node.mac === undefined) return `boot: none, not the MAC address ${givenMacs}`
  const hadMacs = node.mac.join(', ')
  if (hadMacs !== givenMacs) return `the MAC address ${hadMacs}, not ${givenMacs}`
  if (!isSame || wanted.length !== node.address.length) return `the address ${had}, not ${given}`
  const hadRole = roleOf(node)
  return hadRole === role ? undefined : `the role ${hadRole}, not ${role}`
}

/** The node to add. */
export type Adoption = {
  /** At least one; each of them can boot the node. */
  readonly macs: readonly string[]
  readonly name: string
  /** Undefined for a machine of a group. */
  readonly role: Role | undefined
  /** As they will be written. */
  readonly addresses: readonly string[]
  /** Path of the disk, or hints; by default that of the cluster or the group. */
  readonly disk?: string | DiskHints | undefined
  /** The cluster, or without a role the group. Optional if the site has only one. */
  readonly cluster: string | undefined
}

type TextPosition = {
  readonly text: string
  readonly nodes: NodeList
  /** Index of the node before the new one. */
  readonly item: number
  /** That node, whose style is copied. */
  readonly pattern: YAMLMap.Parsed
}

function positionOf(text: string, [owner, item]: readonly [OwnerPath, number]): TextPosition {
  const nodes = nodeList(text, owner)
  return { text, nodes, item, pattern: entryAt(nodes, item) }
}

/**
 * Returns the text to insert, and the offset to insert it at.
 *
 * @param text a valid site
 * @param neighbor the cluster or group, and the index of the node before the new one
 */
export function insertion(
  text: string,
  neighbor: readonly [owner: OwnerPath, node: number],
  adoption: Adoption,
): { offset: number; inserted: string } {
  const position = positionOf(text, neighbor)
  const { nodes, item, pattern } = position
  if (nodes.flow === true) {
    return { offset: pattern.range[1], inserted: separator(position) + flowEntry(position, adoption) }
  }
  const end = endOfLine(text, lastOffset(text, pattern))
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  // The range of a block list starts at its first dash, and all dashes are in one column.
  const indent = ' '.repeat(columnOf(text, nodes.range[0]))
  const entry =
    pattern.flow === true ? `- ${flowEntry(position, adoption)}` : blockEntry(position, adoption, newline)
  const isApartBelow = item + 1 === nodes.items.length || hasBlankLineBelow(text, end)
  const isApart = item > 0 && hasBlankLineAbove(text, startOf(nodes, item)) && isApartBelow
  const gap = isApart ? newline : ''
  return { offset: end, inserted: `${newline}${gap}${indent}${entry}` }
}

/**
 * Returns the separator between two entries of a list in brackets, as between the neighbor and the entry next to it.
 * Comments are not copied, and a comment after the neighbor stays on its line.
 */
function separator({ text, nodes, item, pattern }: TextPosition): string {
  const end = pattern.range[1]
  if (nodes.items.length === 1) return ', '
  const left = item + 1 < nodes.items.length ? item : item - 1
  const between = text.slice(entryAt(nodes, left).range[1], entryAt(nodes, left + 1).range[0])
  const hasComment = text.slice(end, endOfLine(text, end)).includes('#')
  return /^\s*,\s*$/.test(between) && !hasComment ? between : ', '
}

/** Renders `{ name: w4, role: worker, … }` with the spaces and columns of the pattern. */
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
  const between = text.slice(startOf(nodes, item) + 1, start)
  const lead = /^\s+$/.test(between) ? between : ' '
  const indent = lead.includes('\n')
    ? columnOf(text, start)
    : columnOf(text, nodes.range[0]) + 1 + lead.length
  const lines = fields(pattern, adoption).map(({ key, value }) => `${key}: ${value}`)
  return `-${lead}${lines.join(newline + ' '.repeat(indent))}`
}

type Field = { readonly key: string; readonly value: string; readonly offset: number }

/** Returns the keys in the order of the pattern, with its quotes. */
function fields(pattern: YAMLMap.Parsed, { name, role, macs, addresses, disk }: Adoption): Field[] {
  const values: Readonly<Record<string, string | undefined>> = {
    name: scalarText(name),
    role,
    mac: macs.length === 1 ? macs.join() : `[${macs.map(scalarText).join(', ')}]`,
    address:
      addresses.length === 1 ? addresses.map(scalarText).join() : `[${addresses.map(scalarText).join(', ')}]`,
  }
  const written = pattern.items.flatMap(({ key, value }): Field[] => {
    const text = values[String(key)]
    return text === undefined ? [] : [{ key: String(key), value: quoted(text, value), offset: key.range[0] }]
  })
  return disk === undefined ? written : [...written, { key: 'disk', value: diskText(disk), offset: 0 }]
}

/** `/dev/sda`, or `{ wwn: "0x5002538e40d6a1b2" }`: without quotes, YAML would read that as a number. */
function diskText(disk: string | DiskHints): string {
  if (typeof disk === 'string') return /^\/dev\/[\w./-]+$/.test(disk) ? disk : JSON.stringify(disk)
  const hints = Object.entries(disk).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
  return `{ ${hints.join(', ')} }`
}

/** Quotes text that YAML would read as another type or as several values. */
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
