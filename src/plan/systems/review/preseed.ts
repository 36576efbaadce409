/** The disks of a preseed file. debconf accepts almost any line, so none is rejected here. Pure. */
import { isSameDisk } from './disk-name.ts'
import type { OtherDisks, Review } from './review.ts'

export type PreseedLine = {
  /** Starts at 1. */
  readonly line: number
  /** With the lines that continue it. */
  readonly content: string
  readonly isContinuation: boolean
}

/** Returns each line, followed by those that continue it after a backslash. */
export function preseedLines(text: string): PreseedLine[] {
  const raw = text.split(/\r?\n/)
  return raw.map((first, index) => {
    let content = first
    for (let next = index + 1; content.endsWith('\\') && next < raw.length; next++) {
      content = `${content.slice(0, -1)} ${raw[next] as string}`
    }
    return { line: index + 1, content, isContinuation: raw[index - 1]?.endsWith('\\') ?? false }
  })
}

/** A line that can let the installer overwrite other disks: the names of disks that it has, or why they are not known. */
const questions = [
  { pattern: /^\s*[^#\s]\S*\s+partman-auto\/disk\s+\S+\s+(.*)$/, what: 'partman-auto/disk' },
  {
    pattern: /^\s*[^#\s].*\bdebconf-set\s+partman-auto\/disk\s+([^\s;&|]+)/,
    what: 'debconf-set partman-auto/disk',
  },
  { pattern: /^\s*[^#\s]\S*\s+grub-installer\/bootdev\s+\S+\s+(.*)$/, what: 'grub-installer/bootdev' },
] as const

const included = /^\s*[^#\s]\S*\s+(preseed\/include(?:_command)?)\s/

export function reviewPreseed(text: string, disk: string | undefined): Review {
  for (const { line, content } of preseedLines(text)) {
    const found = otherDisksIn(content, disk)
    if (found !== undefined) return { problems: [], otherDisks: { line, ...found } }
  }
  return { problems: [] }
}

function otherDisksIn(content: string, disk: string | undefined): Omit<OtherDisks, 'line'> | undefined {
  for (const { pattern, what } of questions) {
    const names = pattern.exec(content)?.[1]?.replaceAll(/["']/g, '').match(/\S+/g) ?? []
    // GRUB then takes the first disk of the installer.
    const other = names.find((name) => !isSameDisk(name, disk) && name !== 'default')
    if (other !== undefined) return { why: `${what} names ${other}`, fix: 'write {{node.disk}}, or ' }
  }
  const include = included.exec(content)?.[1]
  const fix = 'write its lines into this file, or '
  return include === undefined ? undefined : { why: `a file of ${include} can name other disks`, fix }
}
