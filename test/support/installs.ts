/** The installations of the example site for tests: a store in memory, a clock that a test moves, a gate with a switch. */
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { createInstalls, type InstallsOptions } from '../../src/install/create.ts'
import type { Permission } from '../../src/install/installs.ts'
import type { Asker } from '../../src/install/observation.ts'
import { openMemoryStore } from '../../src/install/open-store.ts'
import type { Facts } from '../../src/plan/facts.ts'
import { compileInstall, type InstallPlan } from '../../src/plan/install.ts'
import { fakeClock } from './fake-clock.ts'
import { exampleModel, exampleSite } from './model.ts'

export const allowed: Permission = { kind: 'allowed' }

export const testEpoch = 'test boot'

/** The MAC address of `ocp45/m1`. */
export const m1Mac = '00:00:5e:00:53:11'

/**
 * Compiles the example site. Its nodes need no DHCP exchange, so that tests that are about something else can boot them.
 *
 * @param change of the site before it is compiled
 */
export function installPlan(
  change: (site: ReturnType<typeof exampleSite>) => void = () => {},
  facts: Partial<Facts> = {},
): InstallPlan {
  const site = exampleSite()
  for (const cluster of site.clusters) Object.assign(cluster, { requireDhcp: false })
  change(site)
  return compileInstall(exampleModel(site, facts))
}

export function installsWorld(given: Partial<InstallsOptions> = {}) {
  const lines: Record<string, unknown>[] = []
  const clock = fakeClock()
  const world = {
    plan: installPlan(),
    isGateOpen: true,
    clock,
    counters: new Counters(),
    lines,
  }
  const installs = createInstalls({
    plan: () => world.plan,
    store: openMemoryStore(),
    gate: { isOpen: () => Promise.resolve(world.isGateOpen) },
    canStartInstall: () => allowed,
    log: createLog('debug', {
      write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>),
    }),
    counters: world.counters,
    clock,
    epoch: testEpoch,
    ...given,
  })
  return { ...world, world, installs }
}

/** A DHCP client got its address. */
export function acknowledged(node: string, asker: Asker, isFresh = true) {
  const facts = { message: 'request', vendorClass: '', answer: 'acknowledged' } as const
  return { node, kind: 'dhcp', asker, isFresh, ...facts } as const
}

export function ignitionSent(node: string, role: 'bootstrap' | 'master' | 'worker' | 'live' = 'master') {
  return { node, kind: 'ignition', role, outcome: 'sent', client: '192.0.2.11:40000', octets: 300 } as const
}
