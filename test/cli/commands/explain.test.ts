import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { explain } from '../../../src/cli/commands/explain.ts'
import { fakeSlipway } from '../../support/fake-slipway.ts'
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
  const colored: string[] = []
  const out = (line: string) => void colored.push(line)
  await explain.run([sitePath(folder), 'm1'], { ...keptTerminal(), usesColor: true, out })
  t.ok(colored.includes('\x1b[1mDNS\x1b[22m'), 'headings are bold on a terminal')
  t.equal(colored[1], terminal.outLines[1])
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

const withMember = (text: string): string =>
  `${text.trimEnd()}\n      - { name: w9, role: worker, boot: none, address: [192.0.2.99, "2001:db8::99"] }\n`
const member = [
  'c1/w9  worker',
  '  name     w9.c1.example.net',
  '  address  192.0.2.99, 2001:db8::99',
  '  boot     not by slipway: no DHCP or boot request is answered',
  '',
  'Certificate requests',
]

t.test(
  'explains a node that slipway does not boot: names, backends, and how to approve its requests',
  async (t) => {
    const text = withMember(siteText()) + 'haproxy: { file: haproxy.cfg }\n'
    const terminal = keptTerminal()
    t.equal(await explain.run([sitePath(t.testdir(siteFolder(text))), 'w9'], terminal), 0)
    const lines = terminal.outLines
    t.same(lines.slice(0, member.length), member)
    const all = lines.join('\n')
    t.match(all, 'approve it with oc adm certificate approve')
    t.match(all, /99\.2\.0\.192\.in-addr\.arpa\. +PTR +w9\.c1\.example\.net\./)
    t.match(all, /w9\.c1\.example\.net\. +AAAA +2001:db8::99/)
    t.match(all, /workerhttps +192\.0\.2\.6:443 +to 192\.0\.2\.99:443/)
    t.notMatch(all, /DHCP to|iPXE script|Ignition/)
  },
)

t.test('the running slipway explains it too, by its short name', async (t) => {
  const slipway = await fakeSlipway(t, {
    'GET /v1/status': { notBooted: ['c1/w9'] },
    'GET /v1/nodes': [{ node: 'c1/w1' }],
    'GET /v1/nodes/c1/w9/explain': {
      ...{ node: 'c1/w9', role: 'worker', name: 'w9.c1.example.net', boot: 'none', address: '192.0.2.99' },
      ...{
        addresses: ['192.0.2.99', '2001:db8::99'],
        offers: [],
        dns: { forward: [], reverse: [] },
        haproxy: [],
      },
    },
    'GET /v1/nodes/c1/w1/explain': {
      ...{ node: 'c1/w1', role: 'worker', name: 'w1.c1.example.net', boot: 'local', address: '192.0.2.11' },
      ...{ addresses: ['192.0.2.11'], offers: [], dns: { forward: [], reverse: [] }, haproxy: [] },
    },
  })
  const terminal = keptTerminal()
  t.equal(await explain.run(['--control', slipway.path, 'w9'], terminal), 0)
  t.same(terminal.outLines.slice(0, member.length), member)
  t.equal(await explain.run(['--control', slipway.path, 'w1'], keptTerminal()), 0)
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
  const path = sitePath(folder)
  await t.rejects(
    explain.run(['m1', path], keptTerminal()),
    new UsageError(`m1 is a node, not a site file; did you mean: slipway explain ${path} m1`),
  )
  await t.rejects(explain.run([sitePath(folder), 'm2'], keptTerminal()), {
    message: 'the site does not declare a node m2 (did you mean m1?); it has c1/m1, c1/w1',
  })
})

t.test(
  'without a running slipway, the installed site file is explained, and the command names it',
  async (t) => {
    const folder = t.testdir(siteFolder())
    const { SLIPWAY_CONTROL, SLIPWAY_SITE } = process.env
    t.teardown(() => {
      for (const [name, value] of Object.entries({ SLIPWAY_CONTROL, SLIPWAY_SITE })) {
        if (value === undefined) Reflect.deleteProperty(process.env, name)
        else process.env[name] = value
      }
    })
    process.env['SLIPWAY_CONTROL'] = '/nonexistent/none.sock'
    process.env['SLIPWAY_SITE'] = sitePath(folder)
    const terminal = keptTerminal()
    t.equal(await explain.run(['m1'], terminal), 0)
    t.equal(terminal.outLines[0], 'c1/m1  master')
    t.same(terminal.errLines, [`slipway is not running; answering from ${sitePath(folder)}`])
    const given = keptTerminal()
    t.equal(await explain.run(['--control', '/nonexistent/none.sock', 'm1'], given), 1)
    process.env['SLIPWAY_SITE'] = `${folder}/none.yaml`
    t.equal(await explain.run(['m1'], given), 1)
    t.same(given.outLines, [])
  },
)
