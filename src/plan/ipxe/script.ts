/** Parts of all scripts: the frame, messages on the console, and the wait before the next attempt. */
import type { NodeModel } from '../model.ts'
import { printableAscii } from '../../text/lines.ts'
import { consoleLines } from '../boot/console.ts'

/** Renders a script; `about` is its comment. */
export function script(about: string, lines: readonly string[]): string {
  return ['#!ipxe', `# ${plainText(about)}`, '', ...lines, ''].join('\n')
}

/** Returns commands that print text, see {@link consoleLines}. */
export function print(node: Pick<NodeModel, 'key'>, text: string): string[] {
  return consoleLines(node, text).map((line) => `echo ${plainText(line)}`)
}

/**
 * Ends a script that cannot continue: offers the shell for some time, then replaces itself with the script at `url`.
 * Repeats without a limit, so that the machine continues automatically when the cause is gone.
 */
export function waitAndRetry(url: string, seconds: number): string[] {
  return [
    ':wait',
    // Ctrl-B is iPXE's own key for its command line; noise on a serial line does not produce it.
    `prompt --key 0x02 --timeout ${seconds * 1000} Ctrl-B for the iPXE shell, or wait ${seconds} s && shell ||`,
    `chain --replace --autofree ${url} || goto wait`,
  ]
}

// * Escapes text for iPXE scripts. iPXE splits a line at spaces, looks for operators (`||`, `&&`, `;`, a leading `#`), and
// then expands `${…}` in each word. It does not support quotes.

/** A setting that is never set and expands to nothing, so that a word with it is not an operator. */
const nothing = '${empty}'

/**
 * Escapes one argument of a command. The expansion of `${…}` cannot be prevented, so the schema of the site rejects it and
 * URLs escape it.
 */
export function argument(word: string): string {
  const safe = word === '||' || word === '&&' || word === ';' || word.startsWith('#') ? nothing + word : word
  // A backslash at the end of a line would join it with the next line.
  return safe.endsWith('\\') ? safe + nothing : safe
}

/** Escapes text for the console on one line: unprintable characters become `?`, `${` becomes `$ {`, spaces are single. */
export function plainText(text: string): string {
  return printableAscii(text.replaceAll(/\s+/g, ' '))
    .replaceAll('${', '$ {')
    .trim()
    .split(' ')
    .map(argument)
    .join(' ')
}
