/**
 * Words that stand in an iPXE script without becoming part of it. iPXE splits a line at blanks, looks for
 * its own words (`||`, `&&`, `;`, a leading `#`), then expands `${…}` in each word; it knows no quotes.
 */
import { printableAscii } from '../../text/printable.ts'

/** A setting that nobody sets: expands to nothing, so a word that holds it is not one of iPXE's own. */
const nothing = '${empty}'

/**
 * One argument of a command, as iPXE will pass it on. Only `${…}` cannot be kept from being expanded,
 * which is why the site's schema refuses it and URLs escape it.
 */
export function argument(word: string): string {
  const safe = word === '||' || word === '&&' || word === ';' || word.startsWith('#') ? nothing + word : word
  // A backslash at the end of a line would join it with the next.
  return safe.endsWith('\\') ? safe + nothing : safe
}

/** Text for people on one line: unprintable characters become `?`, `${` is taken apart, blanks are single. */
export function plainText(text: string): string {
  return printableAscii(text.replaceAll(/\s+/g, ' '))
    .replaceAll('${', '$ {')
    .trim()
    .split(' ')
    .map(argument)
    .join(' ')
}
