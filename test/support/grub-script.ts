/**
 * Runs a configuration of GRUB up to the point where it boots, leaves, or shows its menu, by the rules of GRUB's own
 * parser for quotes. It reads no files: `source` returns their texts. Unknown commands are refused.
 */
export type GrubOutcome =
  | {
      readonly kind: 'boot'
      readonly kernel: string
      readonly initrd: string
      readonly arguments: readonly string[]
    }
  | { readonly kind: 'exit'; readonly status: string }
  /** It started another loader, on a disk. */
  | { readonly kind: 'chainloader'; readonly file: string }
  /** The end of the configuration. */
  | {
      readonly kind: 'end'
      readonly entries: ReadonlyMap<string, GrubMenuEntry>
      readonly settings: Settings
    }

type Settings = ReadonlyMap<string, string>
export type GrubMenuEntry = { readonly title: string; readonly run: () => GrubOutcome }

export type GrubRun = {
  readonly printed: string[]
  readonly sourced: string[]
  readonly slept: string[]
}

type Options = {
  readonly settings?: Settings
  /** Returns the text of a file; `undefined` if GRUB cannot read it. */
  readonly read?: (file: string) => string | undefined
  /** Whether a command fails: `linux`, `sleep`. */
  readonly fails?: (command: string) => boolean
  readonly run?: GrubRun
  /** The loader on the disk `hd0`. */
  readonly disk?: string
}

const maxCommands = 1000

export function newRun(): GrubRun {
  return { printed: [], sourced: [], slept: [] }
}

/** @throws {SyntaxError} on anything that this subset of GRUB does not have */
export function runGrub(text: string, options: Options = {}): GrubOutcome {
  const { read = () => undefined, fails = () => false, run = newRun() } = options
  const settings = new Map(options.settings)
  const entries = new Map<string, GrubMenuEntry>()
  let kernel: { path: string; arguments: readonly string[] } | undefined
  let initrd: string | undefined
  let next: string | undefined
  let count = 0

  function words(line: string): string[] {
    const found: string[] = []
    let word: string | undefined
    for (let at = 0; at < line.length;) {
      const rest = line.slice(at)
      const [token] = /^(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\]+|\s+)/.exec(rest) ?? []
      if (token === undefined) throw new SyntaxError(`quotes: ${line}`)
      at += token.length
      if (/^\s/.test(token)) {
        if (word !== undefined) found.push(word)
        word = undefined
        continue
      }
      const plain = token.startsWith("'")
        ? token.slice(1, -1)
        : token.startsWith('\\')
          ? token.slice(1)
          : token
              .replaceAll('"', '')
              .replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => settings.get(name) ?? '')
      word = (word ?? '') + plain
    }
    return word === undefined ? found : [...found, word]
  }

  /** Returns the index after the block that starts before `from`, and the indexes of its separators. */
  function blockOf(
    lines: readonly string[],
    from: number,
    end: string,
    other: string,
  ): [number, number | undefined] {
    let depth = 0
    let middle: number | undefined
    for (let at = from; at < lines.length; at++) {
      const line = lines[at] as string
      if (depth === 0 && line === end) return [at, middle]
      if (depth === 0 && line === other) middle = at
      if (/^(?:while|for|if) .*(?:do|then)$/.test(line) || line.endsWith('{')) depth++
      if (line === 'done' || line === 'fi' || line === '}') depth--
    }
    throw new SyntaxError(`${end} is missing`)
  }

  type Result = boolean | GrubOutcome

  function block(lines: readonly string[]): Result {
    let result: Result = true
    for (let at = 0; at < lines.length; at++) {
      if (++count > maxCommands) throw new SyntaxError('runs without an end')
      const line = lines[at] as string
      const inline = /^if (.*); then (.*); fi$/.exec(line)
      const head = /^(if|while) (.*); (?:then|do)$/.exec(line)
      const each = /^for (\w+) in (.*); do$/.exec(line)
      const item = /^menuentry (.*) --id (\S+) \{$/.exec(line)
      if (inline !== null) {
        result = command(inline[1] as string) === true ? command(inline[2] as string) : true
      } else if (item !== null) {
        const [end] = blockOf(lines, at + 1, '}', '')
        const body = lines.slice(at + 1, end)
        const title = words(item[1] as string)[0] as string
        entries.set(item[2] as string, { title, run: () => outcomeOf(block(body)) })
        at = end
      } else if (each !== null) {
        const [end] = blockOf(lines, at + 1, 'done', '')
        for (const value of words(each[2] as string)) {
          settings.set(each[1] as string, value)
          result = block(lines.slice(at + 1, end))
          if (typeof result === 'object') return result
        }
        at = end
      } else if (head?.[1] === 'while') {
        const [end] = blockOf(lines, at + 1, 'done', '')
        while (command(head[2] as string) === true) {
          result = block(lines.slice(at + 1, end))
          if (typeof result === 'object') return result
        }
        at = end
      } else if (head !== null) {
        const [end, middle] = blockOf(lines, at + 1, 'fi', 'else')
        const isTrue = command(head[2] as string)
        if (typeof isTrue === 'object') return isTrue
        const chosen = isTrue
          ? lines.slice(at + 1, middle ?? end)
          : middle === undefined
            ? []
            : lines.slice(middle + 1, end)
        result = block(chosen)
        at = end
      } else {
        result = command(line)
      }
      if (typeof result === 'object') return result
    }
    return result
  }

  function command(line: string): Result {
    if (++count > maxCommands) throw new SyntaxError('runs without an end')
    const [name = '', ...rest] = words(line)
    switch (name) {
      case 'set': {
        const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(rest.join(' ')) ?? []
        settings.set(key, value)
        return true
      }
      case '[':
        return rest[0] === '-z' ? rest[1] === '' || rest[1] === ']' : rest[0] === rest[2]
      case 'echo':
        run.printed.push(rest.join(' '))
        return true
      case 'sleep':
        run.slept.push(rest.join(' '))
        return !fails('sleep')
      case 'source': {
        run.sourced.push(rest[0] as string)
        const text = read(rest[0] as string)
        return text === undefined ? false : block(linesOf(text))
      }
      case 'linux':
        if (fails('linux')) return false
        kernel = { path: rest[0] as string, arguments: rest.slice(1) }
        return true
      case 'initrd':
        if (fails('initrd')) return false
        initrd = rest[0]
        return true
      case 'search':
        if (rest.at(-1) !== options.disk) return false
        settings.set('root', 'hd0')
        return true
      case 'chainloader':
        next = rest[0]
        return true
      case 'boot':
        if (next !== undefined) return { kind: 'chainloader', file: next }
        if (kernel === undefined || initrd === undefined) throw new SyntaxError('boot without a kernel')
        return { kind: 'boot', kernel: kernel.path, initrd, arguments: kernel.arguments }
      case 'exit':
        return { kind: 'exit', status: rest[0] ?? '0' }
      case 'reboot':
        return { kind: 'exit', status: 'reboot' }
      default:
        throw new SyntaxError(`unknown command: ${line}`)
    }
  }

  const outcomeOf = (result: Result): GrubOutcome =>
    typeof result === 'object' ? result : { kind: 'end', entries, settings }
  return outcomeOf(block(linesOf(text)))
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}
