/** Changes the site of the running server like an administrator: the site file, then SIGHUP. */
import type { Rig } from '../rig.ts'
import type { SiteChanges } from '../site.ts'

/** Resolves when the changed site is active. Without changes, this is the site of the start. */
export async function reload(rig: Rig, changes: SiteChanges = {}, limitMs = 10_000): Promise<void> {
  const since = rig.server.lines.length
  await rig.site.write(changes)
  rig.server.process.signal('SIGHUP')
  await rig.server.waitFor('"site reloaded"', ({ msg }) => msg === 'site reloaded', { since, limitMs })
}

/** Replaces a role with one that does not exist. */
export function invalidSite(text: string): string {
  return text.replace('role: bootstrap', 'role: bootstrapper')
}
