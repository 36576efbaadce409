/** Nodes that were removed from the site: how they drain, and when they do not. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { queryHaproxy } from '../../../src/serve/haproxy/runtime-api.ts'
import { drainTimeoutMs } from '../../../src/serve/haproxy/draining.ts'
import { all, balancedWorkers, withoutW3 } from '../../support/balanced-workers.ts'
import { fakeHaproxy } from '../../support/fake-haproxy.ts'

/** A world in which w3 leaves and has two connections. */
async function withDrainingServer(t: Test): ReturnType<typeof balancedWorkers> {
  const world = await balancedWorkers(t)
  world.connect('w3', 2)
  t.same(await world.balancer.apply(world.planOf(withoutW3)), { outcome: 'told' })
  return world
}

t.test('a removed node is drained and removed after its last connection', async (t) => {
  const { balancer, connect, file, leaving, lines, poll, reloads, messages, states, runtimeCommands, until } =
    await withDrainingServer(t)
  t.same(runtimeCommands(), ['set server workerhttp/w3 state drain'])
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
  t.same(leaving(), ['workerhttp w3 DRAIN since 10:22 UTC, 2 connections left'])
  t.match(balancer.state().servers.at(-1), { node: 'ocp45/w3', isLeaving: true, isOut: true, isUp: false })
  t.equal(await reloads(), 0)
  connect('w3', 1)
  await poll()
  t.same(leaving(), ['workerhttp w3 DRAIN since 10:22 UTC, 1 connection left'])
  connect('w3', 0)
  await poll()
  await until('the reload', () => leaving().length === 0)
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
  t.same(balancer.state().applied, { outcome: 'reloaded' })
  t.same(states(), ['w1 UP', 'w2 UP'])
  t.same(messages(), [
    'HAProxy configuration written',
    'server drained',
    'draining server: removed from the site',
    'server has no connections left',
    'HAProxy configuration written',
    'HAProxy reloaded',
    'server removed from the HAProxy configuration',
  ])
  t.match(lines[2], { level: 'info', node: 'ocp45/w3', backend: 'workerhttp' })
  t.match(lines.at(-1), { level: 'info', node: 'ocp45/w3', backend: 'workerhttp', connections: 0 })
  const removed = { node: 'ocp45/w3', backend: 'workerhttp', server: 'w3', connections: 0 }
  t.same(balancer.state().removed, [removed])
})

t.test('a server that was added again is not reported as removed', async (t) => {
  const { balancer, planOf } = await balancedWorkers(t)
  await balancer.apply(planOf(withoutW3))
  t.equal(balancer.state().removed?.length, 1)
  await balancer.apply(planOf(all))
  t.equal(balancer.state().removed, undefined)
})

t.test('a removed node without connections is removed at once', async (t) => {
  const { balancer, file, planOf, reloads, runtimeCommands } = await balancedWorkers(t)
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.equal(runtimeCommands()[0], 'set server workerhttp/w3 state drain', 'after it was drained')
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
})

t.test('draining ends after an hour', async (t) => {
  const { balancer, leaving, lines, poll, reloads, until } = await withDrainingServer(t)
  await poll(drainTimeoutMs - 1)
  t.equal(leaving().length, 1)
  await poll()
  await until('the reload', () => leaving().length === 0)
  t.equal(await reloads(), 1)
  t.same(balancer.state().applied, { outcome: 'reloaded' })
  t.match(lines.at(-1), { connections: 2, msg: 'server removed from the HAProxy configuration' })
})

t.test('another change that needs a reload ends draining', async (t) => {
  const { balancer, connect, file, lines, planOf, reloads, messages, runtimeCommands } =
    await balancedWorkers(t)
  connect('w3', 2)
  t.same(await balancer.apply(planOf({ workers: ['w1', 'w2', 'w4'] })), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2', 'w4'])
  t.same([await reloads(), runtimeCommands()], [1, []])
  t.match(lines.at(-1), { node: 'ocp45/w3', connections: 2 })
  t.notOk(messages().includes('draining server: removed from the site'))
})

t.test('a reload during draining removes the node', async (t) => {
  const { balancer, file, leaving, planOf, reloads } = await withDrainingServer(t)
  t.same(await balancer.apply(planOf({ workers: ['w1', 'w2', 'w4'] })), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2', 'w4'])
  t.same([await reloads(), leaving()], [1, []])
})

t.test('a node that is added again during draining is enabled without a reload', async (t) => {
  const { balancer, file, leaving, planOf, reloads, messages, runtimeCommands } = await withDrainingServer(t)
  t.same(await balancer.apply(planOf(all)), { outcome: 'told' })
  t.equal(runtimeCommands().at(-1), 'set server workerhttp/w3 state ready')
  t.same(await file(), ['w1', 'w2', 'w3'])
  t.same([await reloads(), leaving()], [0, []])
  t.equal(messages().at(-1), 'server enabled')
})

t.test('several nodes are removed together after the last connection', async (t) => {
  const { balancer, connect, file, leaving, poll, planOf, reloads, until } = await withDrainingServer(t)
  connect('w1', 1)
  t.same(await balancer.apply(planOf({ workers: ['w2'] })), { outcome: 'told' })
  t.same(await file(), ['w1 disabled', 'w2', 'w3 disabled'])
  connect('w3', 0)
  await poll()
  await poll()
  t.same(leaving(), [
    'workerhttp w1 DRAIN since 10:22 UTC, 1 connection left',
    'workerhttp w3 MAINT since 10:22 UTC, drained',
  ])
  t.equal(await reloads(), 0)
  connect('w1', 0)
  await poll()
  await until('the reload', () => leaving().length === 0)
  t.same(await file(), ['w2'])
  t.equal(await reloads(), 1)
})

t.test('other nodes are drained and enabled during draining without a reload', async (t) => {
  const { balancer, file, leaving, reloads } = await withDrainingServer(t)
  t.same(await balancer.drain('ocp45/w1'), { outcome: 'told' })
  t.same(await file(), ['w1 disabled', 'w2', 'w3 disabled'])
  t.same(await balancer.drain('ocp45/w2'), {
    outcome: 'kept',
    code: 'haproxy.last-server',
    reason: 'w2 is the only server of workerhttp that is up',
  })
  t.same(await balancer.enable('ocp45/w1'), { outcome: 'told' })
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
  t.same([await reloads(), leaving().length], [0, 1])
})

t.test('the last server is removed when the site removes it', async (t) => {
  const { balancer, connect, down, file, planOf } = await balancedWorkers(t)
  connect('w3', 1)
  down('w1')
  down('w2')
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'told' })
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
})

t.test('an unreachable HAProxy is reloaded at once', async (t) => {
  const { balancer, haproxy, planOf, file, reloads } = await balancedWorkers(t)
  await haproxy.close()
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
})

t.test('a failed runtime update during draining causes a reload at once', async (t) => {
  const { balancer, connect, planOf, file, leaving, reloads, refuse } = await balancedWorkers(t)
  connect('w3', 2)
  refuse.reason = 'Permission denied'
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2'])
  t.same([await reloads(), leaving()], [1, []])
})

t.test('without a configured reload nothing drains', async (t) => {
  const { balancer, connect, planOf, file, runtimeCommands } = await balancedWorkers(t)
  connect('w3', 2)
  t.same(await balancer.apply(planOf({ ...withoutW3, reload: false })), { outcome: 'written' })
  t.same(await file(), ['w1', 'w2'])
  t.same(runtimeCommands(), [])
})

t.test('a HAProxy that restarts during draining has the node disabled, then removed', async (t) => {
  const { at, haproxy, until, poll, leaving, file, reloads, clock, balancer } = await withDrainingServer(t)
  const { answer } = haproxy
  await haproxy.close()
  clock.advance(5000)
  await until('that it is gone', () => balancer.state().unreachable !== undefined)
  t.same(await file(), ['w1', 'w2', 'w3 disabled'], 'its connections are not known')
  await writeFile(at('running'), await readFile(at('haproxy.cfg')))
  const again = await fakeHaproxy(t, haproxy.path)
  again.answer = answer
  await poll()
  await until('the reload', () => leaving().length === 0)
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
})

t.test('a rejected change affects no server', async (t) => {
  const { at, balancer, connect, planOf, file, leaving, runtimeCommands } = await balancedWorkers(t)
  connect('w3', 2)
  await writeFile(at('refused'), '')
  t.match(await balancer.apply(planOf(withoutW3)), { outcome: 'refused' })
  t.same(await file(), ['w1', 'w2', 'w3'])
  t.same([runtimeCommands(), leaving()], [[], []])
  await rm(at('refused'))
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'told' })
  t.equal(leaving().length, 1)
  await writeFile(at('refused'), '')
  t.match(await balancer.apply(planOf({ workers: ['w1', 'w4'] })), { outcome: 'refused' })
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
  t.equal(leaving().length, 1, 'and a draining server continues to drain')
})

t.test('a failed reload at the end is repeated with the next change only', async (t) => {
  const { at, balancer, connect, file, leaving, poll, planOf, reloads, until } = await withDrainingServer(t)
  await writeFile(at('broken'), '')
  connect('w3', 0)
  await poll()
  await until('the reload', () => balancer.state().applied.outcome === 'reload failed')
  const failed = await reloads()
  t.same(await file(), ['w1', 'w2', 'w3 disabled'])
  await poll()
  await poll()
  t.same([await reloads(), leaving().length], [failed, 1])
  await rm(at('broken'))
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2'])
  t.same([await reloads(), leaving()], [failed + 1, []])
})

t.test('a partial file is updated and reloaded in the same way', async (t) => {
  const { balancer, connect, file, leaving, poll, planOf, reloads, until } = await balancedWorkers(t)
  t.same(await balancer.apply(planOf({ ...all, part: true })), { outcome: 'reloaded' })
  connect('w3', 1)
  t.same(await balancer.apply(planOf({ ...withoutW3, part: true })), { outcome: 'told' })
  connect('w3', 0)
  await poll()
  await until('the reload', () => leaving().length === 0)
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 2)
})

t.test('a new process removes servers at once', async (t) => {
  const { balancer, create, file, planOf, reloads } = await withDrainingServer(t)
  balancer.close()
  const next = create()
  t.teardown(() => next.close())
  t.same(await next.apply(planOf(withoutW3)), { outcome: 'reloaded' })
  t.same(await file(), ['w1', 'w2'])
  t.equal(await reloads(), 1)
})

t.test('a draining node is neither down nor up', async (t) => {
  const { balancer, counters, poll, planOf, refuse } = await withDrainingServer(t)
  refuse.reason = 'Permission denied'
  await poll()
  t.same(
    Object.keys(counters.snapshot()).filter((name) => /servers(Up|Down)/.test(name)),
    [],
  )
  await balancer.apply(undefined)
  t.same(balancer.state(), { applied: { outcome: 'none' }, servers: [], out: [] })
  t.same(await balancer.apply(planOf(withoutW3)), { outcome: 'reloaded' }, 'nothing is known of it any more')
})

t.test('a closed balancer reloads nothing', async (t) => {
  const { balancer, connect, haproxy, reloads, clock, messages, until } = await withDrainingServer(t)
  connect('w3', 0)
  clock.advance(5000)
  balancer.close()
  await until('the last poll', () => messages().includes('server has no connections left'))
  // Any request after that poll arrives before this.
  await queryHaproxy(haproxy.path, 'show info', clock)
  t.same(haproxy.questions.slice(-2), ['set server workerhttp/w3 state maint', 'show info'])
  t.equal(await reloads(), 0)
})
