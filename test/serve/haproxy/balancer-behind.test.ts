/** A slipway that ended between writing HAProxy's file and reloading it: the next one finds the file as it should be. */
import { writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { renderHaproxy } from '../../../src/plan/haproxy/render.ts'
import { all, balancedWorkers, withoutW3, type Workers } from '../../support/balanced-workers.ts'

/** The file is of `written`; HAProxy runs with all three workers. */
async function restarted(t: Test, written: Workers, out: ReadonlySet<string> = new Set()) {
  const world = await balancedWorkers(t)
  world.balancer.close()
  await writeFile(world.at('haproxy.cfg'), renderHaproxy(world.planOf(written), out))
  world.lines.length = 0
  const balancer = world.create(out)
  t.teardown(() => balancer.close())
  return { ...world, balancer }
}

t.test('HAProxy with an additional server is reloaded', async (t) => {
  const { balancer, planOf, reloads, messages, states } = await restarted(t, withoutW3)
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(states(), ['w1 UP', 'w2 UP'])
  t.same(messages(), ['HAProxy runs a configuration that differs from its file', 'HAProxy reloaded'])
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'unchanged' })
  t.equal(await reloads(), 1)
})

t.test('HAProxy is reloaded when a server is missing or a drained server is up', async (t) => {
  const four = { workers: [...all.workers, 'w4'] }
  const lacking = await restarted(t, four)
  t.same(await lacking.balancer.apply(lacking.planOf(four)), { outcome: 'reloaded' })
  const out = new Set(['ocp45/w3'])
  const sending = await restarted(t, all, out)
  t.same(await sending.balancer.apply(sending.planOf(all)), { outcome: 'reloaded' })
  t.same(sending.states(), ['w1 UP', 'w2 UP', 'w3 MAINT'])
})

t.test('HAProxy is not reloaded if it runs its file, or if the site configures no reload', async (t) => {
  const right = await restarted(t, all)
  t.same(await right.balancer.apply(right.planOf(all)), { outcome: 'unchanged' })
  const byOthers = { ...withoutW3, reload: false }
  const other = await restarted(t, byOthers)
  t.same(await other.balancer.apply(other.planOf(byOthers)), { outcome: 'unchanged' })
  t.same([await right.reloads(), await other.reloads()], [0, 0])
  t.same([...right.messages(), ...other.messages()], [])
})

t.test('a failed reload is reported', async (t) => {
  const { balancer, planOf, at, states, reloads } = await restarted(t, withoutW3)
  await writeFile(at('broken'), '')
  t.match(await balancer.apply(planOf(withoutW3)), { outcome: 'reload failed' })
  t.same(states(), ['w1 UP', 'w2 UP', 'w3 UP'])
  t.equal(await reloads(), 2, 'once more with what was there, which is the same')
})
