/** A machine with files, a stand-in for haproxy that judges them, and a plan to apply there. */
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../src/host/clock.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { compileHaproxy } from '../../src/plan/haproxy/compile.ts'
import type { HaproxyPlan } from '../../src/plan/haproxy/plan.ts'
import { renderHaproxy } from '../../src/plan/haproxy/render.ts'
import { fakeHaproxy, type FakeHaproxy } from './fake-haproxy.ts'
import { exampleModel, exampleSite } from './model.ts'

export const { plan } = compileHaproxy(
  exampleModel({ ...exampleSite(), haproxy: { file: '/absent', socket: '/nowhere/admin.sock' } } as never),
)
export const text = renderHaproxy(plan!)
export const nobody: ReadonlySet<string> = new Set()
export const without = new Set(['ocp45/bs'])

/**
 * A folder with a stand-in for haproxy that says `verdict` and ends with `status`, and a log that is kept.
 * The plan has no socket that anybody listens on.
 */
export async function machine(t: Test, files: Record<string, string> = {}, verdict = '', status = 0) {
  const directory = t.testdir({
    haproxy: `#!/bin/sh\ncp "$3" "\${0%/*}/judged"\necho "$@" >"\${0%/*}/asked"\ncat >&2 <<EOF\n${verdict}\nEOF\nexit ${status}\n`,
    etc: files,
  })
  await chmod(join(directory, 'haproxy'), 0o755)
  const { log, lines } = keptLog()
  const counters = new Counters()
  const file = join(directory, 'etc/haproxy.cfg')
  const context = { log, counters, clock: systemClock, program: join(directory, 'haproxy') }
  const own: HaproxyPlan = { ...plan!, file }
  const withReload = (command: string): HaproxyPlan => ({ ...own, reload: { kind: 'command', command } })
  return { directory, file, lines, counters, context, own, withReload }
}

function keptLog() {
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', {
    write(line: string) {
      const facts = JSON.parse(line) as Record<string, unknown>
      delete facts['time']
      lines.push(facts)
    },
  })
  return { log, lines }
}

/** A machine whose HAProxy answers on its stats socket. */
export async function running(t: Test, files: Record<string, string>) {
  const haproxy = await fakeHaproxy(t)
  const { own, withReload, ...rest } = await machine(t, files)
  const at = (plan: HaproxyPlan): HaproxyPlan => ({ ...plan, socket: haproxy.path })
  return { ...rest, haproxy, own: at(own), withReload: (command: string) => at(withReload(command)) }
}

/** Its text names the socket, so the file that was there before does too. */
export const textAt = ({ path }: FakeHaproxy, out = nobody): string =>
  renderHaproxy({ ...plan!, socket: path }, out)
