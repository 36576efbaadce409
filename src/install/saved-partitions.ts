/**
 * Tells which partitions coreos-installer keeps with `coreos.inst.save_partlabel` and `coreos.inst.save_partindex`. It keeps
 * partitions of a GPT only. Pure.
 */
import type { SavePartitions } from '../site/disk-section.ts'

/** @param probe what blkid shows of a partition */
export function isSaved(
  probe: Readonly<Record<string, string>> | undefined,
  saved: SavePartitions | undefined,
): boolean {
  if (probe?.['PART_ENTRY_SCHEME'] !== 'gpt' || saved === undefined) return false
  const { labels = [], indexes = [] } = saved
  const { PART_ENTRY_NAME: label = '', PART_ENTRY_NUMBER: number = '' } = probe
  return (
    labels.some((pattern) => matchesGlob(label, pattern)) ||
    (/^\d+$/.test(number) && indexes.some((range) => isInRange(Number(number), range)))
  )
}

/** `*` matches any text, and `?` one character. */
function matchesGlob(text: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[^A-Za-z0-9*?]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(text)
}

/** @param range `5`, `5-`, `-5`, or `5-7` */
function isInRange(number: number, range: string): boolean {
  const [first = '', last = first] = range.split('-')
  return number >= Number(first === '' ? 1 : first) && (last === '' || number <= Number(last))
}
