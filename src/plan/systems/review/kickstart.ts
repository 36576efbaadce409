/** Sections and disks of a kickstart file, as https://pykickstart.readthedocs.io describes them. Pure. */
import { isPartitionOf, isSameDisk } from './disk-name.ts'
import type { LineProblem, OtherDisks, Review } from './review.ts'

const sections =
  /^\s*(%(?:pre|pre-install|post|onerror|traceback|packages|addon|certificate|anaconda))(?=\s|$)/

export type KickstartLine = {
  /** Starts at 1. */
  readonly line: number
  readonly content: string
  /** The section that the line is in, for example `%pre`; undefined among the commands. */
  readonly section: string | undefined
}

/** Returns the lines in sections and between them, without those that begin and end sections. */
export function kickstartLines(text: string): KickstartLine[] {
  return readKickstart(text).lines
}

function readKickstart(text: string): { readonly lines: KickstartLine[]; readonly problems: LineProblem[] } {
  const problems: LineProblem[] = []
  const lines: KickstartLine[] = []
  let open: { readonly line: number; readonly name: string } | undefined
  const unclosed = ({ line, name }: NonNullable<typeof open>) => {
    problems.push({ line, problem: `the section ${name} does not end with %end` })
  }
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    const name = sections.exec(content)?.[1]
    if (/^\s*%end(?=\s|$)/.test(content)) {
      if (open === undefined) problems.push({ line, problem: '%end has no section' })
      open = undefined
    } else if (name !== undefined) {
      if (open !== undefined) unclosed(open)
      open = { line, name }
    } else lines.push({ line, content, section: open?.name })
  }
  if (open !== undefined) unclosed(open)
  return { lines, problems }
}

type Command = {
  readonly line: number
  readonly name: string
  readonly options: readonly string[]
  readonly text: string
}

export function reviewKickstart(text: string, disk: string | undefined): Review {
  const { lines, problems } = readKickstart(text)
  const commands = lines.flatMap(({ line, content, section }): Command[] => {
    const text = content.replace(/#.*/, '').replaceAll(/["']/g, '').trim()
    const [name, ...options] = text.split(/\s+/)
    return section !== undefined || name === undefined || name === '' ? [] : [{ line, name, options, text }]
  })
  return { problems, otherDisks: otherDisksOf(commands, disk) }
}

const fix = 'write ignoredisk --only-use={{node.disk}}, or '

function otherDisksOf(commands: readonly Command[], disk: string | undefined): OtherDisks | undefined {
  const limits = commands.filter(({ name }) => name === 'ignoredisk')
  for (const { line, options } of limits) {
    const other = valuesOf(options, '--only-use').find((name) => !isSameDisk(name, disk))
    if (other !== undefined) return { line, why: `ignoredisk --only-use permits the disk ${other}`, fix }
  }
  // With --drives, every other disk is permitted.
  const isLimited = ({ options }: Command) => valuesOf(options, '--only-use').length > 0
  if (limits.length > 0 && limits.every(isLimited)) return undefined
  for (const command of commands) {
    const why = overwriting(command, disk)
    if (why !== undefined) return { line: command.line, why, fix }
  }
  return undefined
}

/** Returns why a command can overwrite other disks than this one, if no command limits the disks. */
function overwriting({ name, options, text }: Command, disk: string | undefined): string | undefined {
  switch (name) {
    case '%include':
    case '%ksappend':
      return `the commands of ${text} can overwrite other disks`
    case 'zerombr':
      return `${text} erases every disk`
    case 'clearpart':
      return clearing(options, text, disk)
    case 'mount':
      return options.some((option) => isOption(option, '--reformat')) &&
        !isPartitionOf(options[0] as string, disk)
        ? `${text} formats ${options[0]}`
        : undefined
    default: {
      const whole = wholeOptions.flatMap((option) => valuesOf(options, option))
      const parts = partOptions.flatMap((option) => valuesOf(options, option))
      const other =
        whole.find((each) => !isSameDisk(each, disk)) ?? parts.find((each) => !isPartitionOf(each, disk))
      if (other !== undefined) return `${name} writes to ${other}`
      const isKept =
        !options.some((option) => isOption(option, '--useexisting')) || options.includes('--noformat')
      return isKept || !formatting.has(name) ? undefined : `${text} formats a volume of any disk`
    }
  }
}

const wholeOptions = ['--ondisk', '--ondrive', '--boot-drive'] as const
const partOptions = ['--onpart', '--usepart'] as const
/** Commands that format a volume that exists. */
const formatting: ReadonlySet<string> = new Set(['logvol', 'raid', 'btrfs'])
/** Options of `clearpart` that do not erase. */
const harmless = ['--none', '--drives', '--initlabel', '--disklabel'] as const

function clearing(options: readonly string[], text: string, disk: string | undefined): string | undefined {
  const erases = options.some(
    (option) => option.startsWith('--') && !harmless.some((each) => option.split('=')[0] === each),
  )
  if (!erases) return undefined
  const partitions = valuesOf(options, '--list')
  const drives = valuesOf(options, '--drives')
  if (partitions.length + drives.length === 0) return `${text} erases every disk`
  const other =
    drives.find((name) => !isSameDisk(name, disk)) ?? partitions.find((name) => !isPartitionOf(name, disk))
  return other && `${text} erases ${other}`
}

/** Returns the lists of an option in both forms: `--drives=sda,sdb` and `--drives sda,sdb`. */
function valuesOf(options: readonly string[], option: string): string[] {
  return options.flatMap((word, index) => {
    if (!isOption(word, option)) return []
    const equals = word.indexOf('=')
    const list = equals === -1 ? options[index + 1] : word.slice(equals + 1)
    return (list ?? '').split(',').filter((name) => name !== '')
  })
}

/** Reports whether a word is an option with or without its value. The installer accepts the beginning of a name. */
function isOption(word: string, option: string): boolean {
  const [name = ''] = word.split('=')
  return name.length > '--o'.length && option.startsWith(name)
}
