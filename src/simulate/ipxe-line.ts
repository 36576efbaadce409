/**
 * One line of an iPXE script as words and commands: blanks part words, `#` begins a comment, `${name}` is
 * put in after the words were parted, `&&`, `||` and `;` join commands (iPXE, core/exec.c).
 */

/** What `${name}` stands for; a name that is not there is the empty text, as in iPXE. */
export type Settings = ReadonlyMap<string, string>

const terminators = ['&&', '||', ';'] as const
type Terminator = (typeof terminators)[number]

export type ScriptCommand = {
  /** The command's own name first, nothing expanded yet; none at all after the last terminator of a line. */
  readonly words: readonly string[]
  /** What follows it; `undefined` at the end of the line. */
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
 * Puts settings in. `${net0/mac:hexhyp}` is the one conversion that boot scripts use; another one is an
 * error, because the text that a machine would send is not known here.
 *
 * @throws {SyntaxError} on another conversion
 */
export function expand(word: string, settings: Settings): string {
  return word.replaceAll(/\$\{([^}:]*)(?::([^}]*))?\}/g, (whole, name: string, conversion?: string) => {
    const value = settings.get(name) ?? ''
    if (conversion === undefined || conversion === 'string') return value
    if (conversion === 'hexhyp') return value.replaceAll(':', '-')
    throw new SyntaxError(`${whole} converts in a way that the simulator does not know`)
  })
}

export type Arguments = {
  readonly options: ReadonlyMap<string, string>
  readonly operands: readonly string[]
}

/**
 * Options come before the operands and end at `--`, as in iPXE, so that `kernel URL --not-ours` leaves the kernel its own.
 *
 * @param known names by spelling (`--name` and `-n`), and whether the option takes a value
 * @throws {SyntaxError} on an option that is not known or lacks its value
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
    if (option === undefined) throw new SyntaxError(`option ${spelling} is not known to the simulator`)
    const [name, takesValue] = option
    const value = takesValue ? (inline ?? words[++at]) : ''
    if (value === undefined) throw new SyntaxError(`option ${spelling} lacks its value`)
    options.set(name, value)
  }
  return { options, operands: words.slice(at) }
}
