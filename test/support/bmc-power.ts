/** The power of one node, `ocp45/w1`, whose BMC is a fake one on loopback. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createPower, isPowerRefusal, type PowerOptions, type PowerReport } from '../../src/bmc/power.ts'
import { systemClock } from '../../src/host/clock.ts'
import { createLog } from '../../src/host/log.ts'
import { resolveBmc, type BmcPlan } from '../../src/plan/bmc.ts'
import { bmcUser, fakeBmc, type BmcTraits } from './fake-bmc.ts'

export const node = 'ocp45/w1'
export const loaderUrl = 'http://172.16.0.101/loaders/efi/snponly.efi'

/** Writes a file with credentials, and returns its path. */
export function credentialsFile(t: Test, { username, password } = bmcUser, mode = 0o600): string {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-bmc-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'credentials')
  writeFileSync(path, `username=${username}\npassword=${password}\n`)
  chmodSync(path, mode)
  return path
}

type PowerSettings = Partial<PowerOptions> & { readonly plan?: Partial<BmcPlan> }

/** @param more replaces options; `plan` replaces members of the plan */
export function powerOf(t: Test, address: string, { plan, ...more }: PowerSettings = {}) {
  const lines: string[] = []
  const credentials = credentialsFile(t)
  const resolved = { node, loaderUrl, ...resolveBmc({ address, credentials }), ...plan }
  const power = createPower({
    plans: () => new Map([[node, resolved]]),
    directory: undefined,
    clock: systemClock,
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    limits: { connectMs: 20_000, timeoutMs: 20_000, retryMs: 1 },
    settleMs: 0,
    ...more,
  })
  return { power, lines }
}

/** Returns a fake BMC and the power of the node behind it. */
export async function bmcPower(t: Test, traits: BmcTraits = {}, settings: PowerSettings = {}) {
  const bmc = await fakeBmc(t, traits)
  return { bmc, ...powerOf(t, `redfish+http://127.0.0.1:${bmc.port}`, settings) }
}

/** Returns the report, or fails the test with the refusal. */
export function reportOf(result: object): PowerReport {
  if (isPowerRefusal(result)) throw new Error(`${result.code}: ${result.reason}`)
  return result as PowerReport
}

/** Returns the refusal, or fails the test. */
export function refusalOf(result: object): { readonly code: string; readonly reason: string } {
  if (isPowerRefusal(result)) return result
  throw new Error(`not refused: ${JSON.stringify(result)}`)
}
