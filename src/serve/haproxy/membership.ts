/** Whether two configurations of ours differ only in who is taken out: then HAProxy can be told, and needs no reload. Pure. */

export type MembershipChange = {
  readonly backend: string
  readonly server: string
  readonly isOut: boolean
}

const disabled = / disabled$/

/** @returns nothing when anything else differs */
export function membershipChanges(old: string, next: string): MembershipChange[] | undefined {
  const [oldLines, nextLines] = [old.split('\n'), next.split('\n')]
  if (oldLines.length !== nextLines.length) return undefined
  const changes: MembershipChange[] = []
  let backend = ''
  for (const [index, line] of nextLines.entries()) {
    const before = oldLines[index] as string
    const [keyword, name = ''] = line.trim().split(' ')
    if (keyword === 'backend') backend = name
    if (line === before) continue
    if (keyword !== 'server' || line.replace(disabled, '') !== before.replace(disabled, '')) return undefined
    changes.push({ backend, server: name, isOut: disabled.test(line) })
  }
  return changes
}
