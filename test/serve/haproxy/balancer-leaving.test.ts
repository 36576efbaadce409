/** Nodes that the site has no more: how they leave HAProxy, and when they do not wait. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { queryHaproxy } from '../../../src/serve/haproxy/runtime-api.ts'
import { drainTimeoutMs } from '../../../src/serve/haproxy/draining.ts'
import { all, balancedWorkers, withoutW3 } from '../../support/balanced-workers.ts'
import { fakeHaproxy } from '../../support/fake-haproxy.ts'

/** A world in which w3 leaves and has two connections. */
async function withLeaver(t: Test): ReturnType<typeof balancedWorkers> {
  const world = await balancedWorkers(t)
  world.connect('w3', 2)
  t.same(await world.balancer.apply(world.planOf(withoutW3)), { outcome: 'told' })
  return world
}

t.test('a node that the site has no more is drained, and gone when its last connection is', async (t) => {
  const { balancer, connect, file, leaving, lines, look, reloads, said, states, told, until } =
    await withLeaver(t)
  t.same(told(), ['set server workerhttp/w3 state drain'])
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
  t.same(leaving(), ['workerhttp w3 DRAIN since 10:22 UTC, 2 connections left'])
  t.match(balancer.state().servers.at(-1), { node: 'ocp45/w3', isLeaving: true, isOut: true, isUp: false })
  t.equal(await reloads(), 0)
  connect('w3', 1)
  await look()
  t.same(leaving(), ['workerhttp w3 DRAIN since 10:22 UTC, 1 connection left'])
  connect('w3', 0)
  await look()
  await until('the reload', () => leaving().length === 0)
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
  t.same(balancer.state().applied, { outcome: 'reloaded' })
  t.same(states(), ['w1 UP', 'w2 UP'])
  t.same(said(), [
    'haproxy configuration written',
    'server taken out of haproxy',
    'server leaves haproxy, the site has it no more',
    'server has no connections left',
    'haproxy configuration written',
    'haproxy reloaded',
    "server is gone from haproxy's configuration",
  ])
  t.match(lines[2], { level: 'info', node: 'ocp45/w3', backend: 'workerhttp' })
  t.match(lines.at(-1), { level: 'info', node: 'ocp45/w3', backend: 'workerhttp', connections: 0 })
})

t.test('a node without connections is gone at once', async (t) => {
  const { balancer, file, planOf, reloads, told } = await balancedWorkers(t)
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.equal(told()[0], 'set server workerhttp/w3 state drain', 'after it was drained')
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
})

t.test('a node that is silent for an hour is waited for no longer', async (t) => {
  const { balancer, leaving, lines, look, reloads, until } = await withLeaver(t)
  await look(drainTimeoutMs - 1)
  t.equal(leaving().length, 1)
  await look()
  await until('the reload', () => leaving().length === 0)
  t.equal(await reloads(), 1)
  t.same(balancer.state().applied, { outcome: 'reloaded' })
  t.match(lines.at(-1), { connections: 2, msg: "server is gone from haproxy's configuration" })
})

t.test('where a reload is needed for something else, nobody is waited for', async (t) => {
  const { balancer, connect, file, lines, planOf, reloads, said, told } = await balancedWorkers(t)
  connect('w3', 2)
  t.same(await balancer.apply(planOf({ workers: ['w1', 'w2', 'w4'] })), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2', 'w4'])
  t.same([await reloads(), told()], [1, []])
  t.match(lines.at(-1), { node: 'ocp45/w3', connections: 2 })
  t.notOk(said().includes('server leaves haproxy, the site has it no more'))
})

t.test('a reload that comes while a node leaves does without it', async (t) => {
  const { balancer, file, leaving, planOf, reloads } = await withLeaver(t)
  t.same(await balancer.apply(planOf({ workers: ['w1', 'w2', 'w4'] })), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2', 'w4'])
  t.same([await reloads(), leaving()], [1, []])
})

t.test('a node that comes back while it leaves is put back without a reload', async (t) => {
  const { balancer, file, leaving, planOf, reloads, said, told } = await withLeaver(t)
  t.same(await balancer.apply(planOf(all)), { outcome: 'told' })
  t.equal(told().at(-1), 'set server workerhttp/w3 state ready')
  t.same(await file(), ['w1', 'w2', 'w3'])
  t.same([await reloads(), leaving()], [0, []])
  t.equal(said().at(-1), 'server put back into haproxy')
})

t.test('several leave together, when the last of them has no connections', async (t) => {
  const { balancer, connect, file, leaving, look, planOf, reloads, until } = await withLeaver(t)
  connect('w1', 1)
  t.same(await balancer.apply(planOf({ workers: ['w2'] })), { outcome: 'told' })
  t.same(await file(), ['w1 disabled', 'w2', 'w3 disabled'])
  connect('w3', 0)
  await look()
  await look()
  t.same(leaving(), [
    'workerhttp w1 DRAIN since 10:22 UTC, 1 connection left',
    'workerhttp w3 MAINT since 10:22 UTC, taken out',
  ])
  t.equal(await reloads(), 0)
  connect('w1', 0)
  await look()
  await until('the reload', () => leaving().length === 0)
  t.same(await file(), ['w2'])
  t.equal(await reloads(), 1)
})

t.test('while a node leaves others are taken out and put back without a reload', async (t) => {
  const { balancer, file, leaving, reloads } = await withLeaver(t)
  t.same(await balancer.takeOut('ocp45/w1'), { outcome: 'told' })
  t.same(await file(), ['w1 disabled', 'w2', 'w3 disabled'])
  t.same(await balancer.takeOut('ocp45/w2'), {
    outcome: 'kept',
    reason: 'w2 is the only server of workerhttp that is up',
  })
  t.same(await balancer.putBack('ocp45/w1'), { outcome: 'told' })
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
  t.same([await reloads(), leaving().length], [0, 1])
})

t.test('the last server that is up goes too, when the site has it no more', async (t) => {
  const { balancer, connect, down, file, planOf } = await balancedWorkers(t)
  connect('w3', 1)
  down('w1')
  down('w2')
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'told' })
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
})

t.test('while HAProxy cannot be asked nothing is known, so it is reloaded at once', async (t) => {
  const { balancer, haproxy, planOf, file, reloads } = await balancedWorkers(t)
  await haproxy.close()
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
})

t.test('a HAProxy that does not do what it is told is reloaded at once', async (t) => {
  const { balancer, connect, planOf, file, leaving, reloads, refuse } = await balancedWorkers(t)
  connect('w3', 2)
  refuse.reason = 'Permission denied'
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2'])
  t.same([await reloads(), leaving()], [1, []])
})

t.test('where others reload at each new file, nobody is waited for', async (t) => {
  const { balancer, connect, planOf, file, told } = await balancedWorkers(t)
  connect('w3', 2)
  t.same(await balancer.apply(planOf({ ...withoutW3, reload: false })), { outcome: 'written' })
  t.same(await file(), ['w1', 'w2'])
  t.same(told(), [])
})

t.test('a HAProxy that is started anew while a node leaves has it out, and then not any more', async (t) => {
  const { at, haproxy, until, look, leaving, file, reloads, clock, balancer } = await withLeaver(t)
  const { answer } = haproxy
  await haproxy.close()
  clock.advance(5000)
  await until('that it is gone', () => balancer.state().unreachable !== undefined)
  t.same(await file(), ['w1', 'w2', 'w3 disabled'], 'nobody knows whether it has connections')
  await writeFile(at('running'), await readFile(at('haproxy.cfg')))
  const again = await fakeHaproxy(t, haproxy.path)
  again.answer = answer
  await look()
  await until('the reload', () => leaving().length === 0)
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
})

t.test('a change that is refused leaves everybody where they are', async (t) => {
  const { at, balancer, connect, planOf, file, leaving, told } = await balancedWorkers(t)
  connect('w3', 2)
  await writeFile(at('refused'), '')
  t.match(await balancer.apply(planOf(withoutW3)), { outcome: 'refused' })
  t.same(await file(), ['w1', 'w2', 'w3'])
  t.same([told(), leaving()], [[], []])
  await rm(at('refused'))
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'told' })
  t.equal(leaving().length, 1)
  await writeFile(at('refused'), '')
  t.match(await balancer.apply(planOf({ workers: ['w1', 'w4'] })), { outcome: 'refused' })
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
  t.equal(leaving().length, 1, 'and one that leaves goes on leaving')
})

t.test('a reload at the end that fails is tried again with the next change, and not by itself', async (t) => {
  const { at, balancer, connect, file, leaving, look, planOf, reloads, until } = await withLeaver(t)
  await writeFile(at('broken'), '')
  connect('w3', 0)
  await look()
  await until('the reload', () => balancer.state().applied.outcome === 'reload failed')
  const failed = await reloads()
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
  await look()
  await look()
  t.same([await reloads(), leaving().length], [failed, 1])
  await rm(at('broken'))
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2'])
  t.same([await reloads(), leaving()], [failed + 1, []])
})

t.test('a part beside other files is told and reloaded the same way', async (t) => {
  const { balancer, connect, file, leaving, look, planOf, reloads, until } = await balancedWorkers(t)
  t.same(await balancer.apply(planOf({ ...all, part: true })), { outcome: 'reloaded' })
  connect('w3', 1)
  t.same(await balancer.apply(planOf({ ...withoutW3, part: true })), { outcome: 'told' })
  connect('w3', 0)
  await look()
  await until('the reload', () => leaving().length === 0)
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 2)
})

t.test('a process that begins knows nobody who left, and does without them at once', async (t) => {
  const { balancer, create, file, planOf, reloads } = await withLeaver(t)
  balancer.close()
  const next = create()
  t.teardown(() => next.close())
  t.same(await next.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
})

t.test('a node that leaves is neither down nor up', async (t) => {
  const { balancer, counters, look, planOf, refuse } = await withLeaver(t)
  refuse.reason = 'Permission denied'
  await look()
  t.same(
    Object.keys(counters.snapshot()).filter((name) => /servers(Up|Down)/.test(name)),
    [],
  )
  await balancer.apply(undefined)
  t.same(balancer.state(), { applied: { outcome: 'none' }, servers: [], out: [] })
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' }, 'nothing is known of it any more')
})

t.test('a process that ends reloads nothing any more', async (t) => {
  const { balancer, connect, haproxy, reloads, clock, said, until } = await withLeaver(t)
  connect('w3', 0)
  clock.advance(5000)
  balancer.close()
  await until('the last look', () => said().includes('server has no connections left'))
  // Whatever was asked after that look is heard before this.
  await queryHaproxy(haproxy.path, 'show info', clock)
  t.same(haproxy.questions.slice(-2), ['set server workerhttp/w3 state maint', 'show info'])
  t.equal(await reloads(), 0)
})
