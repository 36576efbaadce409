/**
 * Names the mistake behind a YAML syntax error: a missing comma, colon, bracket, or quote, a wrong indentation, or a
 * template that was not filled in. A parser reports where it gave up; this reads the lines from the top, as their author
 * does. Only for texts that the parser rejected. Pure.
 */

export type Mistake = { readonly line: number; readonly column: number; readonly message: string }

/** An open list or map of the block style, by the column of its entries (from 0). */
type Block = { readonly column: number; readonly kind: 'list' | 'map' }

/** An open bracket or quote. */
type Opened = { readonly character: string; readonly line: number; readonly column: number }

type Flow = Opened & {
  /** Colons in the current entry. */
  colons: number
}

/** The start of an entry in the block style. */
const entryStart = /^(?:-(?: |$)|[\w$."'-]+:(?: |$))/
const keyStart = /^(?:"[^"]*"|'[^']*'|[^\s"'{[#&*!|>%@`][^#]*?):(?=\s|$)/

/** Returns the first mistake in a text that is not valid YAML; undefined if none of the known kinds is found. */
export function findMistake(text: string): Mistake | undefined {
  const reader = new Reader()
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const mistake = reader.read(line, index + 1)
    if (mistake !== undefined) return mistake
  }
  return reader.end()
}

class Reader {
  #blocks: Block[] = []
  readonly #flows: Flow[] = []
  #quote: Opened | undefined
  /** Indentation of the line that opened the outermost bracket or quote. */
  #openedIndent = 0
  /** Column of the parent of a block scalar. */
  #scalarParent: number | undefined
  /** Whether a deeper block can follow: after a key without value, or a lone `-`. */
  #wantsChild = true
  /** Text that is a value, or a key without its colon if a key follows in the same column. */
  #loneText: (Mistake & { readonly column: number }) | undefined
  /** Whether a quoted text or a bracket ended just before, in a flow collection. */
  #isAfterToken = false

  read(line: string, number: number): Mistake | undefined {
    const column = line.length - line.replace(/^ +/, '').length
    const rest = line.slice(column)
    if (rest.trim() === '' || /^(?:#|---|\.\.\.|%)/.test(rest)) return oddSpace(rest, number, column)
    if (this.#scalarParent !== undefined) {
      if (column > this.#scalarParent) return undefined
      this.#scalarParent = undefined
    }
    const odd = oddSpace(rest, number, column)
    if (odd !== undefined) return odd
    const opened = this.#opened()
    if (opened === undefined) return this.#readBlock(line, number, column)
    if (entryStart.test(rest) && column <= this.#openedIndent) return neverClosed(opened)
    return this.#readFlow(line, number, column)
  }

  end(): Mistake | undefined {
    const opened = this.#opened()
    return opened === undefined ? undefined : neverClosed(opened)
  }

  /** Returns the innermost quote or bracket that is open. */
  #opened(): Opened | undefined {
    return this.#quote ?? this.#flows.at(-1)
  }

  #readBlock(line: string, number: number, indent: number): Mistake | undefined {
    this.#openedIndent = indent
    let column = indent
    while (/^-(?: |$)/.test(line.slice(column))) {
      const mistake = this.#enter('list', number, column)
      if (mistake !== undefined) return mistake
      column += line.slice(column).length - line.slice(column + 1).trimStart().length
      this.#wantsChild = true
    }
    const rest = line.slice(column)
    const key = keyStart.exec(rest)
    if (key !== null) {
      const mistake = this.#enter('map', number, column)
      if (mistake !== undefined) return mistake
      column += key[0].length
    } else if (/^[^\s"'{[#&*!|>]/.test(rest)) {
      return this.#readText(rest, number, column)
    }
    const value = line.slice(column).trimStart()
    this.#wantsChild = /^(?:#|$|[&!]\S*\s*$)/.test(value)
    if (/^[|>]/.test(value)) this.#scalarParent = this.#blocks.at(-1)?.column
    return /^["'{[]/.test(value) ? this.#readFlow(line, number, line.length - value.length) : undefined
  }

  /** Checks that an entry fits into the open blocks, closes the deeper ones, and opens a block where one can start. */
  #enter(kind: Block['kind'], line: number, column: number): Mistake | undefined {
    if (this.#loneText?.column === column + 1) return this.#loneText
    const closed = this.#blocks.filter(
      (block) =>
        block.column > column || (block.column === column && block.kind === 'list' && kind === 'map'),
    )
    this.#blocks = this.#blocks.slice(0, this.#blocks.length - closed.length)
    const around = this.#blocks.at(-1) ?? { column: -1, kind: 'map' }
    const isNext = around.column === column && around.kind === kind
    // A list can start in the column of the key that it belongs to.
    const isBelow = column > around.column || (kind === 'list' && column === around.column)
    if (!isNext) {
      if (!this.#wantsChild || !isBelow || closed.length > 0) {
        const neighbor = closed.find((block) => block.kind === kind) ?? closed[0] ?? around
        return { line, column: column + 1, message: misplaced(neighbor, column) }
      }
      this.#blocks.push({ column, kind })
    }
    this.#wantsChild = false
    this.#loneText = undefined
    return undefined
  }

  /** Reads a line without a key: more of a text, or a key whose colon is missing. */
  #readText(rest: string, line: number, column: number): Mistake | undefined {
    const word = /^[^\s:]*/.exec(rest) as RegExpExecArray
    const hasColon = rest[word[0].length] === ':'
    const message = hasColon ? `a space is missing after ${word[0]}:` : `a colon is missing after ${word[0]}`
    const mistake = { line, column: column + 1, message }
    if (this.#blocks.some((block) => block.kind === 'map' && block.column === column)) return mistake
    if (this.#wantsChild) this.#loneText = mistake
    this.#wantsChild = false
    return undefined
  }

  /** Reads quoted text and flow collections from `start` to the end of the line. */
  #readFlow(line: string, number: number, start: number): Mistake | undefined {
    for (let at = start; at < line.length; at++) {
      const character = line[at] as string
      if (this.#quote !== undefined) {
        at += this.#readQuoted(line, at, this.#quote)
        continue
      }
      const isSpace = /\s/.test(character)
      if (character === '#' && /\s/.test(line[at - 1] as string)) return undefined
      const here = { character, line: number, column: at + 1 }
      const mistake = this.#readMark(line, at, here)
      if (mistake !== undefined) return mistake
      if (this.#opened() === undefined) return undefined
      if (!isSpace && !/[}\]"']/.test(character)) this.#isAfterToken = false
    }
    return undefined
  }

  /** @returns how many characters to skip */
  #readQuoted(line: string, at: number, { character }: Opened): number {
    if (character === '"' && line[at] === '\\') return 1
    if (line[at] !== character) return 0
    if (character === "'" && line[at + 1] === "'") return 1
    this.#quote = undefined
    this.#isAfterToken = true
    return 0
  }

  #readMark(line: string, at: number, here: Opened): Mistake | undefined {
    const { character } = here
    const flow = this.#flows.at(-1)
    if (/^(?:\{\{|\$\{)/.test(line.slice(at, at + 2))) return { ...here, message: notFilledIn }
    if (this.#isAfterToken && flow !== undefined && /[^\s,:}\]]/.test(character)) {
      return { ...here, message: commaMissing(/^[^\s:,}\]]+/.exec(line.slice(at)) as RegExpExecArray) }
    }
    if (character === '"' || character === "'") {
      // Within a plain text they are ordinary characters.
      if (/[\s,:{[]/.test(line[at - 1] ?? ' ')) this.#quote = here
      return undefined
    }
    if (character === '{' || character === '[') {
      this.#flows.push({ ...here, colons: 0 })
      this.#isAfterToken = false
      return undefined
    }
    if (flow === undefined) return undefined
    if (character === ',') flow.colons = 0
    if (character === '}' || character === ']') {
      this.#flows.pop()
      this.#isAfterToken = true
      return flow.character === (character === '}' ? '{' : '[') ? undefined : neverClosed(flow)
    }
    if (character !== ':' || !/^(?:\s|$)/.test(line.slice(at + 1))) return undefined
    flow.colons += 1
    if (flow.character === '[' || flow.colons === 1) return undefined
    const key = /[^\s,{[]+$/.exec(line.slice(0, at))
    return key === null ? undefined : { ...here, column: key.index + 1, message: commaMissing(key) }
  }
}

const notFilledIn = 'this looks like a template that was not filled in; write the value'

function commaMissing([word]: RegExpExecArray): string {
  return `a comma is missing before ${word}`
}

function neverClosed({ character, line, column }: Opened): Mistake {
  return { line, column, message: `this ${character} is never closed` }
}

function misplaced(neighbor: Block, column: number): string {
  const spaces = `${column} space${column === 1 ? '' : 's'}`
  if (neighbor.column !== column) return `indented by ${spaces}, but its neighbors have ${neighbor.column}`
  return neighbor.kind === 'list'
    ? 'expected "- ", as in the entries above'
    : 'expected a key, as in the lines above'
}

/** Reports spaces in the indentation that only look like spaces. Tabs have their own message. */
function oddSpace(rest: string, line: number, column: number): Mistake | undefined {
  const [space] = /^[^\S\t]|^[\u200b\ufeff]/.exec(rest) ?? []
  if (space === undefined) return undefined
  const code = `U+${(space.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`
  const name = space === '\u00a0' ? ' (no-break space)' : ''
  return { line, column: column + 1, message: `${code}${name} in the indentation; use ordinary spaces` }
}
