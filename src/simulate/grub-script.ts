/**
 * Reads a script of GRUB that slipway renders, up to the point where it boots, continues with another script, or stops. It
 * follows no conditions, because every command is expected to succeed. Unknown commands are refused, so that a script
 * cannot pass because a part of it was skipped. Pure.
 */
import { bootedImage, type ScriptOutcome } from './ipxe-script.ts'
import { printedText } from './printed-text.ts'

/** Commands without an effect on what is booted. */
const ignored = new Set([
  '',
  'set',
  '[',
  'sleep',
  'search',
  'for',
  'while',
  'do',
  'done',
  'then',
  'else',
  'fi',
  '}',
])

type Entry = { readonly title: string; readonly id: string; readonly words: string[][] }

/** @param url of the script, from whose server `${slipway}` reads */
export function readGrubScript(text: string, url: string): ScriptOutcome {
  const printed: string[] = []
  const settings = new Map<string, string>()
  const entries: Entry[] = []
  const main: string[][] = []
  let entry: Entry | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const words = wordsOf(line)
    if (words === undefined) return refused(index, `has quotes without an end: ${line}`)
    const [name = '', ...rest] = withoutCondition(words)
    if (line.startsWith('#')) continue
    if (name === 'menuentry') {
      entry = { title: rest[0] ?? '', id: rest[2] ?? '', words: [] }
      entries.push(entry)
    } else if (name === '}') entry = undefined
    else if (ignored.has(name) || Object.hasOwn(effects, name) || name === 'echo') {
      const [, key, value] = /^(\w+)=(.*)$/.exec(rest[0] ?? '') ?? []
      if (name === 'set' && key !== undefined && entry === undefined) settings.set(key, value ?? '')
      else if (name === 'echo' && entry === undefined) printed.push(rest.join(' '))
      else (entry?.words ?? main).push([name, ...rest])
    } else return refused(index, `has the unknown command ${name}`)
  }
  if (settings.get('slipway_menu') !== '1') return run(main, url, printed)
  if (settings.get('timeout') === '-1') return { kind: 'waits', command: 'menu' }
  const chosen = entries.find(({ id }) => id === settings.get('default'))
  return chosen === undefined
    ? { kind: 'refused', reason: `no menu entry ${settings.get('default') ?? ''}` }
    : run(chosen.words, url, printed)
}

type State = {
  readonly url: string
  readonly printed: readonly string[]
  readonly files: Map<string, string[]>
}

/** What a command does; nothing if the script continues. */
const effects: Readonly<Record<string, (words: string[], state: State) => ScriptOutcome | undefined>> = {
  linux: (words, { files }) => void files.set('kernel', words),
  initrd: (words, { files }) => void files.set('initrd', words),
  // The file that announces the installer of another system is sent to the node only.
  source: ([file = ''], { url, printed, files }) =>
    files.has('kernel') ? undefined : { kind: 'chain', url: urlOf(file, url), printed },
  boot(_, { files, url }) {
    const [kernel, ...given] = files.get('kernel') ?? []
    const [initrd] = files.get('initrd') ?? []
    if (kernel === undefined || initrd === undefined) return undefined
    return bootedImage(urlOf(kernel, url), urlOf(initrd, url), given)
  },
  chainloader: () => ({ kind: 'local', command: 'chainloader' }),
  exit: () => ({ kind: 'local', command: 'exit' }),
  reboot: () => ({ kind: 'restarts', command: 'reboot' }),
}

function run(commands: readonly string[][], url: string, printed: readonly string[]): ScriptOutcome {
  const state: State = { url, printed, files: new Map() }
  for (const [name = '', ...rest] of commands) {
    const outcome = effects[name]?.(rest, state)
    if (outcome !== undefined) return outcome
  }
  return { kind: 'refused', reason: `a script that waits, with the text: ${printedText(printed)}` }
}

/** Returns the command of `if COMMAND; then`. */
function withoutCondition(words: readonly string[]): readonly string[] {
  if (words[0] !== 'if' || words.at(-1) !== 'then') return words.slice(words[0] === 'if' ? 1 : 0)
  return [...words.slice(1, -2), (words.at(-2) as string).replace(/;$/, '')]
}

/** Splits a line by the rules of GRUB for quotes; the only variable that names a file is `${slipway}`. */
function wordsOf(line: string): string[] | undefined {
  const found: string[] = []
  let word: string | undefined
  for (let at = 0; at < line.length;) {
    const [token] = /^(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\]+|\s+)/.exec(line.slice(at)) ?? []
    if (token === undefined) return undefined
    at += token.length
    if (/^\s/.test(token)) {
      if (word !== undefined) found.push(word)
      word = undefined
    } else word = (word ?? '') + (/^['"]/.test(token) ? token.slice(1, -1) : token.replace(/^\\/, ''))
  }
  return word === undefined ? found : [...found, word]
}

/** @param file `${slipway}/path`, or `(http,server)/path` */
function urlOf(file: string, url: string): string {
  const [, server, path = ''] = /^\(http,([^)]+)\)(.*)$/.exec(file) ?? []
  return server === undefined ? new URL(file.replace('${slipway}', ''), url).href : `http://${server}${path}`
}

function refused(index: number, reason: string): ScriptOutcome {
  return { kind: 'refused', reason: `line ${index + 1} ${reason}` }
}
