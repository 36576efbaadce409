/**
 * Runs an iPXE boot script up to the point where it boots, chains, or stops (https://ipxe.org/cmd), with the given key
 * presses. It downloads nothing: the caller does. Unknown commands are refused, so that a script cannot pass because a
 * part of it was skipped.
 */
import { expand, parseArguments, parseLine, type Settings } from './ipxe-line.ts'

export type ScriptImage = {
  readonly url: string
  /** The name that `initrd=` of the kernel refers to: `--name`, or the last segment of the URL. */
  readonly name: string
  readonly arguments: readonly string[]
}

export type ScriptOutcome =
  | { readonly kind: 'boot'; readonly kernel: ScriptImage; readonly initrds: readonly ScriptImage[] }
  /** `printed`: the lines that the script printed on the console. */
  | { readonly kind: 'chain'; readonly url: string; readonly printed: readonly string[] }
  /** The firmware continues with its next boot device; `command` is the reason: `exit`, `sanboot`, `end of script`. */
  | { readonly kind: 'local'; readonly command: string }
  /** The script waits for the administrator: a shell, or a menu or prompt without a time limit. */
  | { readonly kind: 'waits'; readonly command: string }
  | { readonly kind: 'restarts'; readonly command: string }
  /** `reason` names the line. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Returns what another loader boots: it passes the initramfs to the kernel itself, and needs no `initrd=`. */
export function bootedImage(kernel: string, initrd: string, given: readonly string[]): ScriptOutcome {
  const name = 'main'
  return {
    kind: 'boot',
    kernel: { url: kernel, name: 'kernel', arguments: [`initrd=${name}`, ...given] },
    initrds: [{ url: initrd, name, arguments: [] }],
  }
}

/** More lines than any script of slipway runs; detects endless loops. */
const maxLines = 2000

type State = {
  readonly settings: Map<string, string>
  readonly labels: ReadonlyMap<string, number>
  readonly base: string
  readonly keys: readonly string[]
  line: number
  readonly printed: string[]
  items: string[]
  defaultItem: string | undefined
  kernel: ScriptImage | undefined
  initrds: ScriptImage[]
}

/** Whether the command succeeded, or where the script ended. */
type Result = boolean | ScriptOutcome
type Run = (words: readonly string[], state: State, name: string) => Result

/**
 * @param url of the script, because URLs in it can be relative
 * @param keys pressed at each prompt that asks for one of them
 */
export function runScript(
  text: string,
  url: string,
  settings: Settings,
  keys: readonly string[] = [],
): ScriptOutcome {
  const lines = text.split(/\r?\n/)
  if (lines[0]?.startsWith('#!ipxe') !== true) {
    return refused(1, `starts with ${JSON.stringify((lines[0] ?? '').slice(0, 20))}, expected "#!ipxe"`)
  }
  const state: State = {
    settings: new Map(settings),
    labels: readLabels(lines),
    base: url,
    keys,
    line: 0,
    printed: [],
    items: [],
    defaultItem: undefined,
    kernel: undefined,
    initrds: [],
  }
  for (let count = 0; state.line < lines.length; state.line++) {
    const at = state.line
    if (++count > maxLines) return refused(at + 1, `runs more than ${maxLines} lines`)
    const result = runLine(lines[at] as string, state)
    if (typeof result === 'object') return result
    if (!result) return refused(at + 1, `fails and ends the script: ${(lines[at] as string).trim()}`)
  }
  return { kind: 'local', command: 'end of script' }
}

/**
 * After `&&` the next command runs if the result is success, after `||` if it is failure. A skipped command does not change
 * the result, and the empty command after a final `||` succeeds. So `iseq a b && goto c ||` never fails.
 */
function runLine(line: string, state: State): Result {
  if (line.startsWith(':')) return true
  const at = state.line
  let result = true
  let isNextRun = true
  for (const { words, terminator } of parseLine(line)) {
    if (isNextRun) {
      const outcome = words.length === 0 || runCommand(words, state)
      if (typeof outcome === 'object') return outcome
      result = outcome
    }
    if (state.line !== at) return true // goto
    isNextRun = terminator === '&&' ? result : terminator === '||' ? !result : true
  }
  return result
}

/** Returns the line of each label, from which `goto` continues. Of duplicate labels the first one is used, as in iPXE. */
function readLabels(lines: readonly string[]): Map<string, number> {
  const labels = new Map<string, number>()
  for (const [index, line] of lines.entries()) {
    const label = /^:(\S+)/.exec(line)?.[1]
    if (label !== undefined && !labels.has(label)) labels.set(label, index)
  }
  return labels
}

function runCommand(words: readonly string[], state: State): Result {
  const line = state.line + 1
  try {
    const [name = '', ...rest] = words.map((word) => expand(word, state.settings))
    const run = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (run === undefined) {
      const known = Object.keys(commands).join(', ')
      return refused(
        line,
        `the simulator does not support the command ${JSON.stringify(name)}, only ${known}`,
      )
    }
    return run(rest, state, name)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return refused(line, error.message)
  }
}

function refused(line: number, reason: string): ScriptOutcome {
  return { kind: 'refused', reason: `line ${line}: ${reason}` }
}

function absolute(reference: string, state: State): string {
  const url = URL.parse(reference, state.base)
  if (url === null) throw new SyntaxError(`${JSON.stringify(reference)} is not a URL`)
  return url.href
}

const succeed: Run = () => true

const readImage: Run = (words, state, name) => {
  const { options, operands } = parseArguments(words, {
    '--name': ['name', true],
    '-n': ['name', true],
    '--timeout': ['timeout', true],
    '--autofree': ['autofree', false],
  })
  const [reference, ...rest] = operands
  if (reference === undefined) throw new SyntaxError(`${name} has no URL`)
  const url = absolute(reference, state)
  const image = { url, name: options.get('name') ?? url.slice(url.lastIndexOf('/') + 1), arguments: rest }
  if (name === 'kernel') state.kernel = image
  else state.initrds.push(image)
  return true
}

const chain: Run = (words, state) => {
  const { operands } = parseArguments(words, {
    '--name': ['name', true],
    '-n': ['name', true],
    '--timeout': ['timeout', true],
    '--autofree': ['autofree', false],
    '-a': ['autofree', false],
    '--replace': ['replace', false],
    '-r': ['replace', false],
  })
  if (operands[0] === undefined) throw new SyntaxError('chain has no URL')
  return { kind: 'chain', url: absolute(operands[0], state), printed: state.printed }
}

const boot: Run = (_words, state) => {
  if (state.kernel === undefined) throw new SyntaxError('boot without a kernel')
  return { kind: 'boot', kernel: state.kernel, initrds: state.initrds }
}

const jump: Run = ([label = ''], state) => {
  const at = state.labels.get(label)
  if (at === undefined) throw new SyntaxError(`goto ${label}, but there is no label :${label}`)
  state.line = at
  return true
}

const menu: Run = (_words, state) => {
  state.items = []
  state.defaultItem = undefined
  return true
}

const item: Run = (words, state) => {
  const { options, operands } = parseArguments(words, {
    '--gap': ['gap', false],
    '--key': ['key', true],
    '-k': ['key', true],
    '--default': ['default', false],
    '-d': ['default', false],
    '--menu': ['menu', true],
    '-m': ['menu', true],
  })
  const [label] = operands
  if (options.has('gap') || label === undefined) return true
  state.items.push(label)
  if (options.has('default')) state.defaultItem = label
  return true
}

const choose: Run = (words, state) => {
  const { options, operands } = parseArguments(words, {
    '--default': ['default', true],
    '-d': ['default', true],
    '--timeout': ['timeout', true],
    '-t': ['timeout', true],
    '--keep': ['keep', false],
    '-k': ['keep', false],
    '--menu': ['menu', true],
    '-m': ['menu', true],
  })
  const [target] = operands
  if (target === undefined) throw new SyntaxError('choose has no setting for the result')
  const chosen = options.get('default') ?? state.defaultItem ?? state.items[0]
  if (chosen === undefined || !state.items.includes(chosen)) {
    throw new SyntaxError(`choose selects ${chosen ?? 'the first item'}, which the menu does not have`)
  }
  // In iPXE, a time-out of 0 means no time-out.
  if (Number(options.get('timeout') ?? 0) === 0) return { kind: 'waits', command: 'menu' }
  state.settings.set(target, chosen)
  return true
}

/** Without the key press, a prompt with a time-out fails, and one without waits. */
const prompt: Run = (words, state) => {
  const { options } = parseArguments(words, {
    '--key': ['key', true],
    '-k': ['key', true],
    '--timeout': ['timeout', true],
    '-t': ['timeout', true],
  })
  if (state.keys.includes(options.get('key') ?? '')) return true
  return Number(options.get('timeout') ?? 0) === 0 ? { kind: 'waits', command: 'prompt' } : false
}

const set: Run = ([name = '', ...value], state) => {
  state.settings.set(untyped(name), value.join(' '))
  return true
}

/** Adds to a number, 1 by default. */
const increment: Run = ([name = '', by = '1'], state) => {
  const sum = Number(state.settings.get(untyped(name)) ?? 0) + Number(by)
  if (!Number.isSafeInteger(sum)) throw new SyntaxError(`inc ${name}: its value is not a number`)
  state.settings.set(untyped(name), String(sum))
  return true
}

/** Removes the type: `try:int32` is the setting `try`. */
function untyped(name: string): string {
  return name.replace(/:.*/, '')
}

const leave: Run = (_words, _state, name) => ({ kind: 'local', command: name })
const wait: Run = (_words, _state, name) => ({ kind: 'waits', command: name })
const restart: Run = (_words, _state, name) => ({ kind: 'restarts', command: name })

const commands: Readonly<Record<string, Run>> = {
  kernel: readImage,
  initrd: readImage,
  boot,
  chain,
  imgfetch: readImage,
  imgfree: ([name], state) => {
    if (state.kernel?.name === (name ?? state.kernel?.name)) state.kernel = undefined
    state.initrds = state.initrds.filter((each) => name !== undefined && each.name !== name)
    return true
  },
  set,
  inc: increment,
  clear: ([name = ''], state) => {
    state.settings.delete(untyped(name))
    return true
  },
  isset: ([value = '']) => value !== '',
  iseq: ([left = '', right = '']) => left === right,
  goto: jump,
  menu,
  item,
  choose,
  prompt,
  echo: (words, state) => {
    if (words.length > 0) state.printed.push(words.join(' '))
    return true
  },
  sleep: succeed,
  dhcp: succeed,
  ifopen: succeed,
  ifstat: succeed,
  imgstat: succeed,
  shim: succeed,
  console: succeed,
  cpair: succeed,
  colour: succeed,
  exit: leave,
  sanboot: leave,
  shell: wait,
  config: wait,
  reboot: restart,
  poweroff: restart,
}
