/** An active site in a temporary directory, without sockets. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { createActiveSite } from '../../src/active-site.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { serialOf } from '../../src/plan/dns/zone.ts'
import type { Ready } from '../../src/prepare.ts'
import type { Reloaded } from '../../src/serve/control/site-routes.ts'
import { chooseSite } from '../../src/start-site.ts'
import { fakeClock } from './fake-clock.ts'
import { siteFolder, sitePath, siteText } from './site-folder.ts'

/** Later than the times of the files. */
export const startedAt = Date.UTC(2036, 10, 29, 15)
export const minuteMs = 60_000

const added = (name: string, last: number) =>
  `      - { name: ${name}, role: worker, mac: "00:00:5e:00:53:${last}", address: 192.0.2.${last} }\n`
/** Sites with two nodes; with w2; with w3. */
export const [first, second, third] = [
  siteText(),
  siteText(undefined, added('w2', 22)),
  siteText(undefined, added('w3', 23)),
] as const

/** `start` starts another process with the same directory, as after a crash. */
export async function site(t: Test, text = first) {
  const folder = t.testdir({ ...siteFolder(text), state: {} })
  const [path, directory] = [sitePath(folder), join(folder, 'state')]
  const clock = fakeClock(startedAt)
  const counters = new Counters()
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const applied: Ready[] = []

  async function start(isKept = true) {
    const { prepared, siteProblem } = await chooseSite(directory, path, clock.now())
    if (prepared === undefined) throw new Error('no site')
    const active = createActiveSite({
      ...{ sitePath: path, siteProblem, log, counters, clock, first: prepared },
      directory: isKept ? directory : undefined,
      apply: (next) => Promise.resolve(void applied.push(next)),
      troubles: () => [],
      withNextBoots: (changes) => changes,
    })
    t.teardown(() => active.close())
    await active.start()
    return active
  }
  const serials = (active: Awaited<ReturnType<typeof start>>) => active.plan.dns?.zones.map(serialOf) ?? []
  const nodes = (active: Awaited<ReturnType<typeof start>>) => active.plan.nodes.map(({ name }) => name)
  return { path, directory, clock, counters, lines, applied, start, nodes, serials, active: await start() }
}

export function changedNodes(reloaded: Reloaded): string[] {
  if (reloaded.outcome === 'kept') return reloaded.reasons.map(String)
  return (reloaded.changes?.items ?? [])
    .filter(({ kind }) => kind === 'node')
    .map(({ action, name }) => `${action} ${name}`)
}
