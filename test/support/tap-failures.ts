/** Finds the failed assertions in what a test file reported. */

/** TAP reports a subtest before its parent, and indents it more. */
const failedLine = /^( *)not ok \d+(?: - )?(.*?)(?: # time=.*| \{)?$/

/**
 * @param tap the whole report (TAP 14)
 * @returns each failed assertion with the names of its tests, the outermost first: `file > test > assertion`
 */
export function tapFailures(tap: string): string[] {
  const failures: { indent: number; readonly names: string[] }[] = []
  for (const line of tap.split('\n')) {
    const [, spaces, name] = failedLine.exec(line) ?? []
    if (spaces === undefined || name === undefined || / # (?:TODO|SKIP)/i.test(line)) continue
    const indent = spaces.length
    const inner = failures.filter((failure) => failure.indent > indent)
    if (inner.length === 0) failures.push({ indent, names: [name] })
    for (const failure of inner) {
      failure.indent = indent
      failure.names.unshift(name)
    }
  }
  return failures.map(({ names }) => names.join(' > '))
}
