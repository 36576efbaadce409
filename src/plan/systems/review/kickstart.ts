/** Sections and disks of a kickstart file, as https://pykickstart.readthedocs.io describes them. Pure. */
import { isOtherDisk } from './disk-name.ts'
import type { LineProblem, OtherDisks, Review } from './review.ts'

const sections = /^%(?:pre|pre-install|post|onerror|traceback|packages|addon|certificate)(?=\s|$)/

type Command = { readonly line: number; readonly words: readonly string[] }

export function reviewKickstart(text: string, disk: string | undefined): Review {
  const problems: LineProblem[] = []
  const commands: Command[] = []
  let open: { readonly line: number; readonly name: string } | undefined
  const unclosed = ({ line, name }: NonNullable<typeof open>) => {
    problems.push({ line, problem: `the section ${name} does not end with %end` })
  }
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    const name = sections.exec(content)?.[0]
    if (/^%end(?=\s|$)/.test(content)) {
      if (open === undefined) problems.push({ line, problem: '%end has no section' })
      open = undefined
    } else if (name !== undefined) {
      if (open !== undefined) unclosed(open)
      open = { line, name }
    } else if (open === undefined && /^[^#\s]/.test(content)) {
      commands.push({ line, words: content.trim().split(/\s+/) })
    }
  }
  if (open !== undefined) unclosed(open)
  return { problems, otherDisks: otherDisksOf(commands, disk) }
}

const fix = 'write ignoredisk --only-use={{node.disk}}, or '

/** Commands in an included file can limit the disks. */
function otherDisksOf(commands: readonly Command[], disk: string | undefined): OtherDisks | undefined {
  if (commands.some(({ words: [name] }) => name === '%include' || name === '%ksappend')) return undefined
  const limits = commands.filter(({ words: [name] }) => name === 'ignoredisk')
  for (const { line, words } of limits) {
    const other = valuesOf(words, '--only-use').find((name) => isOtherDisk(name, disk))
    if (other !== undefined) return { line, why: `ignoredisk --only-use permits the disk ${other}`, fix }
  }
  if (limits.length > 0) return undefined
  const erasing = commands.find(
    ({ words }) =>
      words[0] === 'zerombr' ||
      (words[0] === 'clearpart' &&
        words.some((word) => word === '--all' || word === '--linux') &&
        valuesOf(words, '--drives').length === 0),
  )
  return erasing && { line: erasing.line, why: `${erasing.words.join(' ')} erases every disk`, fix }
}

/** Returns the list of an option in both forms: `--drives=sda,sdb` and `--drives sda,sdb`. */
function valuesOf(words: readonly string[], option: string): string[] {
  const index = words.findIndex((word) => word === option || word.startsWith(`${option}=`))
  if (index === -1) return []
  const list = words[index] === option ? words[index + 1] : words[index]?.slice(option.length + 1)
  return (list ?? '').split(',').filter((name) => name !== '')
}
