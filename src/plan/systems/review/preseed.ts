/** The disk of a preseed file. debconf accepts almost any line, so none is rejected here. Pure. */
import { isOtherDisk } from './disk-name.ts'
import type { Review } from './review.ts'

export function reviewPreseed(text: string, disk: string | undefined): Review {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const list = /^\s*\S+\s+partman-auto\/disk\s+string\s+(.*)$/.exec(line)?.[1]
    const other = list?.split(/\s+/).find((name) => isOtherDisk(name, disk))
    if (other === undefined) continue
    const fix = 'write {{node.disk}}, or '
    return { problems: [], otherDisks: { line: index + 1, why: `partman-auto/disk names ${other}`, fix } }
  }
  return { problems: [] }
}
