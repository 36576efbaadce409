/** A state directory that was used, for tests of its loss and damage. */
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import { initialState, type State } from '../../src/install/machine-state.ts'
import type { Observation } from '../../src/install/observation.ts'
import { openStore } from '../../src/install/open-store.ts'
import type { Store } from '../../src/install/store.ts'
import { installPlan, installsWorld, m1Mac } from './installs.ts'

export const now = Date.UTC(2026, 0, 1)
export const key = 'ocp45/m1'
export const plain = { isSkipping: false }
export const m1 = installPlan().get(key)!
export const w1 = installPlan().get('ocp45/w1')!
export const installed: State = {
  ...initialState(m1),
  mode: 'installed',
  since: 7,
  reason: 'written',
  wasInstalled: true,
}
export const armed: State = { ...initialState(w1), since: 8 }

/** A state directory that was used: m1 is installed, w1 is armed by the site file. */
export function used(
  t: Test,
  { site = 'lab', markDirectory }: { site?: string; markDirectory?: string } = {},
): string {
  const dir = t.testdir()
  const store = openStore(dir, { now, site, ...(markDirectory !== undefined && { markDirectory }) })
  const observation: Observation = { node: key, kind: 'command', command: 'local', sequence: 1, at: now }
  store.keep(new Map([[m1Mac, installed]]), [{ machine: m1Mac, observation }])
  store.keep(new Map([[w1.mac, armed]]), [])
  store.close()
  return dir
}

export function edit(path: string, sql: string): void {
  const database = new DatabaseSync(path, { defensive: false })
  database.exec(sql)
  database.close()
}

/** No machine is installed, and a command of an administrator installs one. */
export async function installsNothing(t: Test, store: Store): Promise<void> {
  const { installs, lines } = installsWorld({ store })
  t.match(lines[0], { level: 'error', code: /^state\./ })
  for (const { node } of installs.list()) {
    const answer = await installs.boot(node, plain)
    t.ok(answer.kind === 'local' || answer.kind === 'wait', `${node}: ${answer.kind}`)
  }
  t.not(installs.problems().length, 0)
  if (store.isRecordable) {
    t.match(await installs.command(key, 'install'), { kind: 'done' })
    t.match(await installs.boot(key, plain), { kind: 'install' })
  } else {
    t.match(await installs.command(key, 'install'), { kind: 'refused', code: 'state.not-writable' })
    t.match(await installs.boot(key, plain), { kind: 'local' })
  }
  installs.close()
}
