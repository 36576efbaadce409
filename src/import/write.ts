/** Writes a site as YAML text: short maps and lists on one line, comments above the keys they explain. Pure. */
import {
  Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Scalar,
  visit,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml'
import { printable } from '../text/lines.ts'
import { formatPath } from '../site/problem.ts'

/** Collections with these keys are always written in block style. */
const blockKeys: readonly unknown[] = [
  'subnets',
  'clusters',
  'hosts',
  'nodes',
  'images',
  'dns',
  'records',
  'forwardZones',
  'network',
  'interfaces',
]

/**
 * @param comments by the path of the key that they precede, or of the list entry
 * @param header comment at the start of the file
 * @param footer comment at its end
 */
export function writeSite(
  site: object,
  comments: ReadonlyMap<string, string>,
  { header = '', footer = '' }: { readonly header?: string; readonly footer?: string } = {},
): string {
  const document = new Document(site)
  const top = document.contents as YAMLMap
  visit(document, {
    Pair(_, pair, ancestors) {
      const key = keyOf(pair)
      const value = pair.value as Node
      if ((isMap(value) || isSeq(value)) && !blockKeys.includes(key)) value.flow = true
      if (key === 'mac' || key === 'mac-address') {
        for (const each of isSeq(value) ? value.items : [value]) {
          if (isScalar(each)) each.type = Scalar.QUOTE_DOUBLE
        }
      }
      const comment = comments.get(formatPath([...pathOf(ancestors), key]))
      const owner = pair.key as Scalar
      if (comment !== undefined) owner.commentBefore = asComment(comment)
      if (ancestors.at(-1) === top && pair !== top.items[0]) owner.spaceBefore = true
    },
    Map(_, map, ancestors) {
      // An entry of a list of nodes, hosts, or subnets.
      const list = ancestors.at(-1)
      // The network of a node is too long for one line.
      const isLong = map.has('nodes') || map.has('network')
      if (isSeq(list) && !isLong) map.flow = true
      if (isPair(list) && isEntryOfImages(ancestors)) map.flow = true
    },
  })
  if (header !== '') document.commentBefore = asComment(header)
  if (footer !== '') document.comment = asComment(footer)
  return document.toString({ lineWidth: 120, flowCollectionPadding: true })
}

function isEntryOfImages(ancestors: readonly unknown[]): boolean {
  const pairs = ancestors.filter((each) => isPair(each))
  return pairs.length === 2 && keyOf(pairs[0] as Pair) === 'images'
}

function keyOf(pair: Pair): string {
  return String((pair.key as Scalar).value)
}

function pathOf(ancestors: readonly unknown[]): (string | number)[] {
  return ancestors.flatMap((node, index): (string | number)[] => {
    if (isPair(node)) return [keyOf(node)]
    const next = ancestors[index + 1]
    return isSeq(node) && isMap(next) ? [node.items.indexOf(next)] : []
  })
}

function asComment(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : ` ${printable(line)}`))
    .join('\n')
}
