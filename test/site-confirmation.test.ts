import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { first, minuteMs, second, site, startedAt, third } from './support/active-site.ts'
import { until } from './support/until.ts'

t.test('a reload that is not confirmed in time is rolled back', async (t) => {
  const { path, active, clock, nodes, counters, lines, serials } = await site(t)
  await writeFile(path, second)
  const confirmBy = startedAt + 5 * minuteMs
  t.match(await active.reload(5 * minuteMs), { outcome: 'swapped', confirmBy })
  t.match(active.problems(), [
    { code: 'site.confirmation-pending', text: /slipway will roll it back in 5 min unless/ },
  ])
  t.match(await active.history(), [
    { number: 0, confirmBy },
    { number: 1, summary: '2 nodes at the start' },
  ])
  const before = serials(active)

  clock.advance(5 * minuteMs - 1)
  t.same(nodes(active), ['m1', 'w1', 'w2'])
  clock.advance(1)
  await until(() => counters.get('app.rollbacks') === 1)
  t.same(nodes(active), ['m1', 'w1'])
  t.match(active.problems(), [
    {
      code: 'site.rolled-back',
      text: /^the site file is not served, the new site was not confirmed in time: /,
    },
  ])
  t.match(await active.history(), [{ number: 0, summary: '2 nodes at the start' }])
  t.equal((await active.history()).length, 1)
  t.ok(
    serials(active).some((serial, index) => serial > (before[index] ?? 0)),
    'secondaries transfer the changed zones',
  )
  t.match(lines.at(-1), /"code":"site.rolled-back".*"site rolled back"/)
  t.match(await active.confirm(), {
    outcome: 'refused',
    code: 'server.nothing-to-confirm',
    reason: /^no reload is waiting for confirmation: the new site was not confirmed in time$/,
  })

  t.match(await active.reload(), { outcome: 'swapped' }, 'an administrator can reload the same file again')
  t.same([nodes(active), active.problems()], [['m1', 'w1', 'w2'], []])
})

t.test('a confirmed site stays', async (t) => {
  const { path, active, clock, nodes, directory, start } = await site(t)
  await writeFile(path, second)
  await active.reload(minuteMs)
  clock.advance(30_000)
  t.same(await active.confirm(), { outcome: 'confirmed' })
  t.same(clock.pending(), 0)
  clock.advance(minuteMs)
  t.same([nodes(active), active.problems()], [['m1', 'w1', 'w2'], []])
  t.match(await active.history(), [{ number: 0, summary: /^reload: 1 node added/ }, { number: 1 }])
  t.same((await readdir(directory)).sort(), ['last-good-site.json', 'site-history'])
  t.same(nodes(await start()), ['m1', 'w1', 'w2'])
  t.match(await active.confirm(), { reason: 'no reload is waiting for confirmation' })
})

t.test('reloads in that time do not confirm; --confirm again starts the time again', async (t) => {
  const { path, active, clock, nodes, counters } = await site(t)
  await writeFile(path, second)
  await active.reload(minuteMs)
  await writeFile(path, third)
  t.match(await active.reload(), { confirmBy: startedAt + minuteMs })
  clock.advance(30_000)
  t.match(await active.reload(minuteMs), { confirmBy: startedAt + 90_000 })
  clock.advance(40_000)
  t.same(nodes(active), ['m1', 'w1', 'w3'])
  clock.advance(20_000)
  await until(() => counters.get('app.rollbacks') === 1)
  t.same(nodes(active), ['m1', 'w1'], 'the site before the first of them')
})

t.test('the confirmed text again ends the wait, and needs no confirmation', async (t) => {
  const { path, active, clock } = await site(t)
  await writeFile(path, second)
  await active.reload(minuteMs)
  await writeFile(path, first)
  const reloaded = await active.reload(minuteMs)
  t.notOk('confirmBy' in reloaded)
  t.same([clock.pending(), active.problems()], [0, []])
})

t.test('a confirmation that cannot be recorded is refused, and nothing changes', async (t) => {
  const { path, active, nodes, directory, start, clock } = await site(t)
  await writeFile(path, second)
  await mkdir(join(directory, 'site-confirmation.json'))
  t.match(await active.reload(minuteMs), {
    outcome: 'kept',
    code: 'server.confirmation-not-written',
    reasons: [/^the confirmation cannot be recorded: /],
  })
  t.same([nodes(active), active.problems(), clock.pending()], [['m1', 'w1'], [], 0])
  await writeFile(path, first)
  const without = await start(false)
  await writeFile(path, second)
  t.match(await without.reload(minuteMs), { reasons: [/slipway runs without a state directory$/] })
  t.match(await without.history(), [{ number: 0, summary: '2 nodes at the start' }])
})

t.test('a confirmation that cannot be written is refused, and the time continues', async (t) => {
  const { path, active, directory, clock } = await site(t)
  await writeFile(path, second)
  await active.reload(minuteMs)
  await rm(directory, { recursive: true })
  t.match(await active.confirm(), {
    outcome: 'refused',
    code: 'server.state-not-written',
    reason: /^the confirmed site cannot be written: ENOENT/,
  })
  t.equal(clock.pending(), 1)
})

t.test('a rollback during a confirmation returns to the confirmed site', async (t) => {
  const { path, active, nodes, clock } = await site(t)
  await writeFile(path, second)
  await active.reload(minuteMs)
  t.match(await active.rollback(1), { outcome: 'swapped', differsFrom: path })
  t.same([nodes(active), clock.pending()], [['m1', 'w1'], 0])
  t.match(await active.confirm(), { reason: /: rolled back to the site of 2036-11-29 15:00 UTC$/ })
})
