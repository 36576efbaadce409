import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { explain } from '../../../src/cli/commands/explain.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

t.test('explains a node of a site file with the version of its Ignition file; exit code 0', async (t) => {
  const folder = t.testdir(siteFolder())
  const terminal = keptTerminal()
  t.equal(await explain.run([sitePath(folder), 'm1'], terminal), 0)
  t.equal(terminal.outLines[0], 'c1/m1  master')
  t.match(
    terminal.outLines.join('\n'),
    `${folder}/ignition/master.ign, 48 bytes, version 3.4.0, no certificates`,
  )
  t.same(terminal.errLines, [])
})

t.test('explains a node whose address another DHCP server assigns', async (t) => {
  const folder = siteFolder(siteText().replace('/24 }', '/24, dhcp: proxy }'))
  const terminal = keptTerminal()
  t.equal(await explain.run([sitePath(t.testdir(folder)), 'm1'], terminal), 0)
  t.match(
    terminal.outLines.join('\n'),
    /^DHCP to iPXE\n.*\n {2}yiaddr +none: another DHCP server assigns it$/m,
  )
})

t.test('explains an added worker whose Ignition file comes from the running cluster', async (t) => {
  const folder = siteFolder(siteText().replace('    ignition: ignition\n', '    kubeconfig: kubeconfig\n'))
  const terminal = keptTerminal()
  t.equal(await explain.run([sitePath(t.testdir(folder)), 'w1'], terminal), 0)
  t.match(
    terminal.outLines.join('\n'),
    '  worker-user-data-managed of c1, requested from the cluster when a node installs\n',
  )
})

t.test('--json prints the same data', async (t) => {
  const folder = t.testdir(siteFolder())
  const terminal = keptTerminal()
  t.equal(await explain.run(['--json', sitePath(folder), 'c1/w1'], terminal), 0)
  t.match(JSON.parse(terminal.outLines.join('\n')), {
    node: 'c1/w1',
    ignition: { contents: { version: '3.4.0' } },
    offers: [{ bootFile: 'bios/undionly.kpxe', options: [{ code: 53, value: 'OFFER' }] }],
  })
})

t.test('a site that cannot be read: exit code 1', async (t) => {
  const terminal = keptTerminal()
  t.equal(await explain.run([join(t.testdir(), 'none.yaml'), 'm1'], terminal), 1)
  t.match(terminal.errLines.join('\n'), /^there is no site file /)
})

t.test('expects one node', async (t) => {
  const wanted = new UsageError('expected the name of one node')
  for (const args of [[], ['site.yaml', 'm1', 'm2']]) {
    await t.rejects(explain.run(args, keptTerminal()), wanted)
  }
  const folder = t.testdir(siteFolder())
  await t.rejects(explain.run([sitePath(folder), 'm2'], keptTerminal()), {
    message: 'the site does not declare a node m2 (did you mean m1?); it has c1/m1, c1/w1',
  })
})
