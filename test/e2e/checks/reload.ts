/** Another site for the running server, as an operator gives it: the file, then SIGHUP. */
import type { Rig } from '../rig.ts'
import type { SiteChanges } from '../site.ts'

/** Resolves when the changed site is served; without changes the site that serving began with. */
export async function reload(rig: Rig, changes: SiteChanges = {}): Promise<void> {
  const since = rig.server.lines.length
  await rig.site.write(changes)
  rig.server.process.signal('SIGHUP')
  await rig.server.waitFor('"site reloaded"', ({ msg }) => msg === 'site reloaded', { since })
}
