/** What a script printed, as text for one message. Pure. */

/**
 * Joins the lines, which slipway folds for the console of a machine: without the `slipway NODE: ` that each starts with, and
 * without the address of the node, which the simulation names itself.
 */
export function printedText(lines: readonly string[]): string {
  return lines
    .map((line) => line.replace(/^slipway \S+: /, ''))
    .filter((line) => line !== '' && !/^address \S+, MAC /.test(line))
    .join(' ')
}
