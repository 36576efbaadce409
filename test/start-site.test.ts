import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { minuteMs, second, site, third } from './support/active-site.ts'

t.test('after a crash or a restart in that time, the confirmed site is served', async (t) => {
  const { path, active, clock, nodes, start, directory, serials } = await site(t)
  await writeFile(path, second)
  await active.reload(5 * minuteMs)
  const served = serials(active)
  active.close()
  clock.advance(minuteMs)
  const next = await start()
  t.same(nodes(next), ['m1', 'w1'])
  t.match(next.problems(), [
    { code: 'site.rolled-back', text: /, slipway restarted before the new site was confirmed: / },
  ])
  t.ok((serials(next)[0] ?? 0) > (served[0] ?? 0), 'secondaries transfer the zone of the cluster')
  t.same(nodes(await start()), ['m1', 'w1'], 'and after the next restart')
  await writeFile(path, third)
  const last = await start()
  t.same([nodes(last), last.problems()], [['m1', 'w1', 'w3'], []], 'a site file that changed is served')
  t.notOk((await readdir(directory)).includes('site-confirmation.json'))
})

t.test('a crash between the confirmation and the end of its record keeps the confirmed site', async (t) => {
  const { path, active, nodes, start, directory } = await site(t)
  await writeFile(path, second)
  await active.reload(minuteMs)
  const record = join(directory, 'site-confirmation.json')
  const pending = await readFile(record, 'utf8')
  await active.confirm()
  await writeFile(record, pending)
  const next = await start()
  t.same([nodes(next), next.problems()], [['m1', 'w1', 'w2'], []])
  t.notOk((await readdir(directory)).includes('site-confirmation.json'))
})

t.test('without a readable confirmed site, the site file is served', async (t) => {
  const { path, active, nodes, start, directory } = await site(t)
  await writeFile(path, second)
  await active.reload(minuteMs)
  await rm(join(directory, 'last-good-site.json'))
  t.same(nodes(await start()), ['m1', 'w1', 'w2'])
})
