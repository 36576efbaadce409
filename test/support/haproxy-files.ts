/** Files of HAProxy, a fake haproxy program that validates them, and a plan to apply. */
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
export const noNodes: ReadonlySet<string> = new Set()
export const without = new Set(['ocp45/bs'])

/**
 * Creates a directory with a fake haproxy program, and a log that is recorded. No process listens on the socket of the
 * plan.
 *
 * @param output the error output of the fake program @param status its exit code
 */
export async function machine(t: Test, files: Record<string, string> = {}, output = '', status = 0) {
  const directory = t.testdir({
    haproxy: `#!/bin/sh\ncp "$3" "\${0%/*}/judged"\necho "$@" >"\${0%/*}/asked"\npwd >"\${0%/*}/where"\ncat >&2 <<EOF\n${output}\nEOF\nexit ${status}\n`,
    etc: files,
  })
  await chmod(join(directory, 'haproxy'), 0o755)
  const { log, lines } = recordedLog()
  const counters = new Counters()
  const file = join(directory, 'etc/haproxy.cfg')
  const context = { log, counters, clock: systemClock, program: join(directory, 'haproxy') }
  const own: HaproxyPlan = { ...plan!, file }
  const withReload = (command: string): HaproxyPlan => ({ ...own, reload: { kind: 'command', command } })
  return { directory, file, lines, counters, context, own, withReload }
}

function recordedLog() {
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

/** The same with a HAProxy that responds on its stats socket. */
export async function running(t: Test, files: Record<string, string>) {
  const haproxy = await fakeHaproxy(t)
  const { own, withReload, ...rest } = await machine(t, files)
  const at = (plan: HaproxyPlan): HaproxyPlan => ({ ...plan, socket: haproxy.path })
  return { ...rest, haproxy, own: at(own), withReload: (command: string) => at(withReload(command)) }
}

/** Returns a configuration with the path of the fake's socket. */
export const textAt = ({ path }: FakeHaproxy, out = noNodes): string =>
  renderHaproxy({ ...plan!, socket: path }, out)
