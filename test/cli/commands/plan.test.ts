import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { plan } from '../../../src/cli/commands/plan.ts'
import { saveLastGood } from '../../../src/last-good.ts'
import { prepare } from '../../../src/prepare.ts'
import { controlService, socketPath } from '../../support/control-service.ts'
import { fakeSlipway } from '../../support/fake-slipway.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

async function run(...args: string[]) {
  const terminal = keptTerminal({ columns: 200 })
  const code = await plan.run(args, terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

const w2 = '      - { name: w2, role: worker, mac: "00:00:5e:00:53:22", address: 192.0.2.22 }\n'

t.test('the running slipway compares the text of the file; exit code 2 for changes', async (t) => {
  const { path } = await controlService(t)
  const site = join(t.testdir({ 'site.yaml': 'w5' }), 'site.yaml')
  t.same(await run('--control', path, site), {
    code: 2,
    out: [
      `${site}, compared with the running slipway:`,
      '',
      '  + node w5',
      '      ! it is installed',
      '',
      'Plan: 1 node to add, 0 to change, 0 to remove.',
    ],
    err: ['! w5: no kernel'],
  })
  const { code, out } = await run('--control', path, '--json', '--site', site)
  t.equal(code, 2)
  t.match(JSON.parse(out.join('\n')), {
    against: 'the running slipway',
    changes: { items: [{ action: 'add', name: 'w5' }] },
    troubles: ['w5: no kernel'],
    summary: { nodes: { add: 1, change: 0, remove: 0 } },
  })
  await writeFile(site, 'wrong')
  t.same(await run('--control', path, site), {
    code: 1,
    out: [],
    err: [`slipway: ${site}:1:1 wrong`, `${site}:2:1 also wrong`],
  })
  t.match(await run('--control', path, `${site}.none`), {
    code: 1,
    err: [/^slipway: there is no site file .*none: check the path/],
  })
})

t.test('without a site file, the running slipway reads the one that it serves', async (t) => {
  const changes = { items: [], restart: [] }
  const { path, commands } = await fakeSlipway(t, {
    'GET /v1/status': { siteFile: '/etc/slipway/site.yaml' },
    'POST /v1/plan': { outcome: 'compared', changes, troubles: [] },
  })
  t.same(await run('--control', path), {
    code: 0,
    out: ['/etc/slipway/site.yaml, compared with the running slipway:', '', 'No changes.'],
    err: [],
  })
  t.same(commands, ['POST /v1/plan'])
})

t.test('if slipway is not running, the last valid site is compared', async (t) => {
  const folder = t.testdir({ ...siteFolder(), state: {} })
  const [site, state, control] = [sitePath(folder), join(folder, 'state'), socketPath(t)]
  const options = ['--state', state, '--control', control, site]
  t.same(await run(...options), {
    code: 1,
    out: [],
    err: [
      `slipway: slipway is not running at ${control}, and ${state} has no readable site of ${site}: name a site file with --against FILE`,
    ],
  })
  const prepared = await prepare(site)
  if (prepared.kind !== 'ready') throw new Error('the site has problems')
  await saveLastGood(state, site, prepared)
  t.match(await run(...options), {
    code: 0,
    out: [/the last valid site; slipway is not running:$/, '', 'No changes.'],
  })
  await writeFile(site, siteText(undefined, w2).replace('dir: image', 'dir: none'))
  const { code, out, err } = await run(...options)
  t.equal(code, 2)
  t.match(
    out.join('\n'),
    /^ {2}\+ node c1\/w2$[^]*^ {2}~ image rhcos$[^]*^Plan: 1 node to add, 0 to change, 0 to remove\. Other/m,
  )
  t.match(err, [/^! image rhcos: /])
})

t.test('two files', async (t) => {
  const folder = t.testdir(siteFolder())
  const [site, old] = [sitePath(folder), join(folder, 'old.yaml')]
  await writeFile(old, siteText(undefined, w2))
  t.match(await run('--against', old, site), {
    code: 2,
    out: [`${site}, compared with ${old}:`, '', '  - node c1/w2'],
  })
  await writeFile(old, 'racks: []\n')
  t.match(await run('--against', old, site), { code: 1, err: [/old.yaml:1:1 /] })
  await mkdir(join(folder, 'sub'))
  t.match(await run('--against', site, join(folder, 'sub')), {
    code: 1,
    err: [/^slipway: .*sub is a directory, not a site file/],
  })
})

t.test('an invalid command line exits with 1, because 2 means changes', async (t) => {
  await t.rejects(plan.run(['a', 'b'], keptTerminal()), new UsageError('expected one site file'))
  t.equal(plan.usageExit, 1)
})
