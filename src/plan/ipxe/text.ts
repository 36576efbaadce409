/**
 * Escapes text for iPXE scripts. iPXE splits a line at spaces, looks for operators (`||`, `&&`, `;`, a leading `#`), and
 * then expands `${…}` in each word. It does not support quotes.
 */
import { printableAscii } from '../../text/printable.ts'

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
