/**
 * Parses one line of an iPXE script as iPXE does (core/exec.c): blanks separate words, `#` starts a comment, `&&`, `||`,
 * and `;` separate commands. `${name}` is expanded after the line was split into words.
 */

/** The values of `${name}`; an unknown name is the empty text, as in iPXE. */
export type Settings = ReadonlyMap<string, string>

const terminators = ['&&', '||', ';'] as const
type Terminator = (typeof terminators)[number]

export type ScriptCommand = {
  /** The name of the command first, not expanded; empty after a terminator at the end of the line. */
  readonly words: readonly string[]
  /** The terminator after it; `undefined` at the end of the line. */
  readonly terminator: Terminator | undefined
}

export function parseLine(line: string): readonly ScriptCommand[] {
  const commands: ScriptCommand[] = []
  let words: string[] = []
  for (const word of line.trim().split(/\s+/)) {
    if (word === '' || word.startsWith('#')) break
    const terminator = terminators.find((candidate) => candidate === word)
    if (terminator === undefined) {
      words.push(word)
    } else {
      commands.push({ words, terminator })
      words = []
    }
  }
  commands.push({ words, terminator: undefined })
  return commands
}

/**
 * Expands settings. `${net0/mac:hexhyp}` is the only conversion that boot scripts use.
 *
 * @throws {SyntaxError} on another conversion, because its result is unknown here
 */
export function expand(word: string, settings: Settings): string {
  return word.replaceAll(/\$\{([^}:]*)(?::([^}]*))?\}/g, (whole, name: string, conversion?: string) => {
    const value = settings.get(name) ?? ''
    if (conversion === undefined || conversion === 'string') return value
    if (conversion === 'hexhyp') return value.replaceAll(':', '-')
    throw new SyntaxError(`${whole} uses a conversion that the simulator does not support`)
  })
}

export type Arguments = {
  readonly options: ReadonlyMap<string, string>
  readonly operands: readonly string[]
}

/**
 * Options precede the operands and end at `--`, as in iPXE, so that in `kernel URL --option` the option belongs to the
 * kernel.
 *
 * @param known names by spelling (`--name` and `-n`), and whether the option takes a value
 * @throws {SyntaxError} on an unknown option, or one without its value
 */
export function parseArguments(
  words: readonly string[],
  known: Readonly<Record<string, readonly [name: string, takesValue: boolean]>>,
): Arguments {
  const options = new Map<string, string>()
  let at = 0
  for (; words[at]?.startsWith('-') === true; at++) {
    if (words[at] === '--') return { options, operands: words.slice(at + 1) }
    const [spelling, inline] = (words[at] as string).split(/=(.*)/s, 2) as [string, string?]
    const option = known[spelling]
    if (option === undefined) throw new SyntaxError(`the simulator does not support the option ${spelling}`)
    const [name, takesValue] = option
    const value = takesValue ? (inline ?? words[++at]) : ''
    if (value === undefined) throw new SyntaxError(`option ${spelling} has no value`)
    options.set(name, value)
  }
  return { options, operands: words.slice(at) }
}
