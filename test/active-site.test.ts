import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { changedNodes, first, minuteMs, second, site, startedAt, third } from './support/active-site.ts'
import { siteText } from './support/site-folder.ts'

t.test('a reload returns what it changed, and the history has each site once', async (t) => {
  const { path, active, clock, directory } = await site(t)
  await writeFile(path, second)
  clock.advance(minuteMs)
  t.same(changedNodes(await active.reload()), ['add c1/w2'])
  t.same(changedNodes(await active.reload()), [], 'the same file again')
  t.match(await active.history(), [
    { number: 0, at: startedAt + minuteMs, summary: /^reload: 1 node added, 0 changed, 0 removed\./ },
    { number: 1, at: startedAt, summary: '2 nodes at the start' },
  ])
  const folder = join(directory, 'site-history')
  t.equal((await stat(folder)).mode & 0o777, 0o700)
  t.same(await readdir(folder), ['00000001.json', '00000002.json'])
})

t.test('a comparison changes nothing, and reports parts that cannot be served', async (t) => {
  const { path, active, nodes, applied } = await site(t)
  const text = second.replace('image }', 'other }')
  const compared = await active.compare({ path, text })
  t.match(compared, {
    outcome: 'compared',
    changes: { items: [{ name: 'c1/w2' }, {}, {}, { kind: 'image', action: 'change' }] },
    troubles: [/^image rhcos: .*other/],
  })
  t.match(await active.compare({ path, text: 'racks: []' }), { outcome: 'kept', reasons: [/site.yaml:1:1/] })
  t.match(await active.compare(), { outcome: 'compared', changes: { items: [], restart: [] } })
  t.same([nodes(active), applied.length], [['m1', 'w1'], 1])
})

t.test('a rollback serves an earlier site, also after a restart, until the site file changes', async (t) => {
  const { path, active, nodes, start, clock } = await site(t)
  for (const text of [second, third]) {
    clock.advance(minuteMs)
    await writeFile(path, text)
    await active.reload()
  }
  t.match(await active.rollback(3), {
    code: 'server.no-such-plan',
    reasons: ['there is no earlier site with the number 3: the history has the earlier sites 1 to 2'],
  })
  t.match(await active.rollback(0), { outcome: 'kept', code: 'server.no-such-plan' })
  const reloaded = await active.rollback(2)
  t.same(changedNodes(reloaded), ['remove c1/w3'])
  t.match(reloaded, { outcome: 'swapped', nodes: 2, differsFrom: path })
  t.same(nodes(active), ['m1', 'w1'])
  t.match(active.problems(), [
    { code: 'site.rolled-back', text: /, rolled back to the site of 2036-11-29 15:00 UTC: correct it and/ },
  ])
  t.match((await active.history())[0], {
    summary: /^rolled back to the site of .*: 0 nodes added, 0 changed, 1 removed/,
  })
  t.equal((await active.history()).length, 4)
  const next = await start()
  t.same(nodes(next), ['m1', 'w1'])
  t.match(next.problems(), [{ code: 'site.rolled-back' }])
  t.same(changedNodes(await next.rollback(1)), ['add c1/w3'], 'a rollback can be undone')
  t.same(next.problems(), [], 'the site file has the same text')
  t.match(await (await start()).history(), { length: 5 })
})

t.test('a rollback that is not confirmed returns to the site before it', async (t) => {
  const { path, active, nodes, clock, start, directory } = await site(t)
  await writeFile(path, second)
  await active.reload()
  const pending = await active.rollback(1, 5 * minuteMs)
  t.match(pending, { outcome: 'swapped', nodes: 2, differsFrom: path, confirmBy: startedAt + 5 * minuteMs })
  t.match(active.problems(), [{ code: 'site.rolled-back' }, { code: 'site.confirmation-pending' }])
  t.same(nodes(await start()), ['m1', 'w1', 'w2'], 'a restart does not serve it')
  await active.rollback(1, 5 * minuteMs)
  clock.advance(5 * minuteMs)
  await active.confirm()
  t.same([nodes(active), active.problems()], [['m1', 'w1', 'w2'], []], 'the site file is served again')
  // Confirmed: also after a restart, until the site file changes.
  await active.rollback(1, 5 * minuteMs)
  t.same(await active.confirm(), { outcome: 'confirmed' })
  clock.advance(10 * minuteMs)
  t.same(nodes(active), ['m1', 'w1'])
  const next = await start()
  t.same([nodes(next), next.problems().map(({ code }) => code)], [['m1', 'w1'], ['site.rolled-back']])
  t.hasProp(await next.rollback(1, minuteMs), 'confirmBy')
  const confirmed = await next.rollback(1, minuteMs)
  t.notOk('confirmBy' in confirmed, 'the confirmed site needs no confirmation')
  await rm(directory, { recursive: true })
  await writeFile(directory, 'no directory')
  t.match(await next.rollback(1, minuteMs), { outcome: 'kept' })
})

t.test('an earlier site that cannot be served is refused', async (t) => {
  const { path, active, nodes, directory } = await site(t)
  await writeFile(path, second)
  await active.reload()
  const file = join(directory, 'site-history/00000001.json')
  const saved = JSON.parse(await readFile(file, 'utf8')) as { text: string }
  const cases: readonly [text: string, reason: RegExp][] = [
    [`${first}racks: []\n`, /racks: unknown key/],
    [
      siteText({ dhcp: 67, dhcpClient: 68, tftp: 69, http: 8080, dns: 53 }),
      /^server.address, .* changed: restart/,
    ],
  ]
  for (const [text, reason] of cases) {
    await writeFile(file, JSON.stringify({ ...saved, text }))
    t.match(await active.rollback(1), { code: 'server.rollback-rejected', reasons: [reason] })
  }
  t.same([nodes(active), active.problems()], [['m1', 'w1', 'w2'], []])
})

t.test('a state directory that cannot be written is reported, and the site is served', async (t) => {
  const { path, active, nodes, directory, lines } = await site(t)
  await writeFile(path, second)
  await active.reload()
  await mkdir(join(directory, 'site-confirmation.json'))
  await active.rollback(1)
  t.same(nodes(active), ['m1', 'w1'])
  t.match(lines.join(''), /"code":"site.last-good-not-written".*"last valid site not written"/)
})

t.test('a rejected reload leaves the site, and the reasons in the problems', async (t) => {
  const { path, active, nodes, clock } = await site(t)
  await writeFile(path, `${second}racks: []\nrows: []\n`)
  t.match(await active.reload(minuteMs), { outcome: 'kept', reasons: [/racks/, /rows/] })
  t.match(active.problems(), [
    {
      code: 'server.reload-rejected',
      text: /^the site file was rejected, the last valid site is served: .*racks.* \(and 1 more\)$/,
    },
  ])
  await rm(path)
  t.match(await active.reload(), { outcome: 'kept' })
  t.match(active.siteProblem(), { code: 'site.unreadable' })
  t.same([nodes(active), clock.pending()], [['m1', 'w1'], 0])
})

t.test(
  'the history has the users who reloaded the site or rolled it back, also after a restart',
  async (t) => {
    const { path, active, start } = await site(t)
    await writeFile(path, second)
    // All of them were requested before slipway read the file.
    const reloads = [
      active.reload(undefined, 'token:anna'),
      active.reload(undefined, 'local:bert'),
      active.reload(undefined, 'local:carl'),
    ]
    await Promise.all(reloads)
    await writeFile(path, third)
    await active.reload(minuteMs, 'proxy:dora')
    await active.confirm()
    await active.rollback(1, undefined, 'token:anna')
    const users = [undefined, 'token:anna, local:bert, local:carl', 'proxy:dora', 'token:anna']
    const by = async (of: typeof active) => (await of.history()).map((row) => row.by).reverse()
    t.same(await by(active), users)
    t.same(await by(await start()), users)
  },
)
