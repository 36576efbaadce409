/** Probes of a machine without faults, for tests that inject one; and the context of a check on the example site. */
import { compile } from '../../src/plan/compile.ts'
import { runChecks, type Check, type CheckContext, type CheckResult } from '../../src/preflight/check.ts'
import type { Probes } from '../../src/preflight/probes.ts'
import { exampleModel, exampleSite } from './model.ts'

export const now = Date.UTC(2026, 0, 1)

const done = (output: string) => Promise.resolve({ kind: 'done', ending: 'exit code 0', output } as const)

export const soundProbes: Probes = {
  bind: () => Promise.resolve(undefined),
  holder: () => Promise.resolve(undefined),
  run: (program) => done(program === 'timedatectl' ? 'yes' : '{"nftables":[]}'),
  read: (path) =>
    Promise.resolve(path.endsWith('/carrier') ? '1\n' : path.endsWith('/mtu') ? '1500\n' : undefined),
  interfaces: () => ({
    eth0: [{ address: '192.0.2.2', netmask: '255.255.255.0', cidr: '192.0.2.2/24', internal: false }],
  }),
  hasAddress: () => true,
  freeBytes: () => Promise.resolve(1e12),
  writeProblem: () => Promise.resolve(undefined),
  resolverProblem: () => Promise.resolve(undefined),
  httpStatus: () => Promise.resolve({ status: 401 }),
  registry: () => Promise.resolve({ status: 200 }),
  connectProblem: () => Promise.resolve(undefined),
  httpText: () => Promise.resolve('slipway_uptime_seconds 7\n'),
  offers: () => Promise.resolve({ servers: [] }),
  routers: () => Promise.resolve({ routers: new Map() }),
  neighbors: () => Promise.resolve(new Map()),
  verifyImage: () =>
    Promise.resolve({ kind: 'whole', files: 3, signing: { kind: 'signed', keys: ['F00D'] } }),
  compareNames: (_model, _plan, servers) => Promise.resolve({ servers, records: [], zones: [] }),
  bmcInventories: () => Promise.resolve(new Map()),
  resolvConf: () => Promise.resolve(''),
  validateHaproxy: () => Promise.resolve({ kind: 'done', reason: '' }),
}

type Change = (site: ReturnType<typeof exampleSite>) => void

/** @param change changes the example site */
export function checkContext(probes: Partial<Probes> = {}, change: Change = () => undefined): CheckContext {
  const site = exampleSite()
  change(site)
  const model = exampleModel(site)
  return {
    model,
    plan: compile(model),
    probes: { ...soundProbes, ...probes },
    state: '/var/lib/slipway',
    isServing: false,
    registries: ['quay.io'],
    now,
  }
}

/** Runs one check on the example site. */
export function runCheck(
  check: Check,
  probes: Partial<Probes> = {},
  more: Partial<CheckContext> = {},
  change?: Change,
): Promise<CheckResult[]> {
  return runChecks([check], { ...checkContext(probes, change), ...more })
}
