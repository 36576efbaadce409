import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exportSite } from '../../../src/cli/commands/export.ts'
import { UsageError } from '../../../src/cli/command.ts'
import { draftSite } from '../../../src/import/draft.ts'
import { joinFacts, kinds } from '../../../src/import/kinds.ts'
import { loadSite } from '../../../src/site/load.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

const text = siteText(
  undefined,
  `hosts:
  - { name: switch.example.net, mac: "00:00:5e:00:53:09", address: 192.0.2.9 }
  - { name: other.example.net, address: 192.0.2.8 }
`,
)
  .replace('address: 127.0.0.1', 'address: 192.0.2.2, interface: ens3')
  .replace(
    '{ cidr: 192.0.2.0/24 }',
    '{ cidr: 192.0.2.0/24, gateway: 192.0.2.1, ntp: 192.0.2.3, domain: c1.example.net, search: example.net, mtu: 9000, leaseSeconds: 7200 }, { cidr: 198.51.100.0/25, dhcp: proxy }, { cidr: 203.0.113.0/25, dns: 192.0.2.4 }',
  )
  .replace('192.0.2.53]', '192.0.2.53, "2001:db8::53"]')
  .replace('mac: "00:00:5e:00:53:02"', 'mac: ["00:00:5e:00:53:02", "00:00:5e:00:53:03"]')

async function run(...args: readonly string[]) {
  const terminal = keptTerminal()
  const code = await exportSite.run(args, terminal)
  return { code, out: `${terminal.outLines.join('\n')}\n`, err: terminal.errLines }
}

for (const format of ['dnsmasq', 'isc'] as const) {
  t.test(`an import of what is exported for ${format} has the same nodes`, async (t) => {
    const path = sitePath(t.testdir(siteFolder(text)))
    const { code, out } = await run(format, path)
    t.equal(code, 0)
    const facts = kinds[format === 'isc' ? 'dhcpd' : 'dnsmasq'].read(out, 'f')
    const draft = draftSite(joinFacts([facts]), ['f'], path)
    const nodes = [
      '- { name: m1, role: single, mac: "00:00:5e:00:53:01", address: 192.0.2.11 }',
      '- { name: m1, role: master, mac: "00:00:5e:00:53:01", address: 192.0.2.11 }',
    ]
    t.ok(
      nodes.some((node) => draft.text.includes(node)),
      draft.text,
    )
    t.match(draft.text, '192.0.2.21 }')
    t.match(draft.text, '"00:00:5e:00:53:02"')
    t.match(draft.text, 'gateway: 192.0.2.1')
    t.match(draft.text, 'mtu: 9000')
    t.match(draft.text, 'name: c1\n    domain: example.net')
    t.same(loadSite(text, path).kind, 'site')
  })
}

t.test('the configuration of dnsmasq has subnets, reservations, and names', async (t) => {
  const { out } = await run('dnsmasq', sitePath(t.testdir(siteFolder(text))))
  for (const line of [
    'interface=ens3',
    'server=192.0.2.53',
    'server=2001:db8::53',
    'dhcp-range=set:subnet1,192.0.2.0,static,255.255.255.0,7200',
    'dhcp-option=tag:subnet1,option:router,192.0.2.1',
    'dhcp-option=tag:subnet1,option:dns-server,192.0.2.2',
    'dhcp-option=tag:subnet2,option:dns-server,192.0.2.4',
    'dhcp-host=00:00:5e:00:53:02,00:00:5e:00:53:03,192.0.2.21,w1',
    'dhcp-host=00:00:5e:00:53:09,192.0.2.9,switch',
  ]) {
    t.ok(out.split('\n').includes(line), line)
  }
  t.notMatch(out, '198.51.100.0', 'another server leases these addresses')
  t.match(out, 'api.c1.example.net')
})

t.test('the configuration of dhcpd has a declaration for each MAC address', async (t) => {
  const { out } = await run('isc', '--site', sitePath(t.testdir(siteFolder(text))))
  t.match(
    out,
    'subnet 192.0.2.0 netmask 255.255.255.0 {\n  default-lease-time 7200;\n  max-lease-time 7200;\n  option routers 192.0.2.1;',
  )
  t.match(out, '  option domain-search "example.net";\n  option interface-mtu 9000;\n}')
  t.match(
    out,
    'host w1.c1.example.net-2 { hardware ethernet 00:00:5e:00:53:03; fixed-address 192.0.2.21; option host-name "w1.c1.example.net"; }',
  )
  const plain = await run('dnsmasq', sitePath(t.testdir(siteFolder())))
  t.notMatch(plain.out, /^interface=/m)
})

const judges = [
  { format: 'dnsmasq', program: '/usr/sbin/dnsmasq', args: (file: string) => ['--test', '-C', file] },
  { format: 'isc', program: '/usr/sbin/dhcpd', args: (file: string) => ['-t', '-cf', file] },
] as const

for (const { format, program, args } of judges) {
  t.test(`${program} accepts its configuration`, { skip: !existsSync(program) }, async (t) => {
    const folder = t.testdir({ ...siteFolder(text), conf: '' })
    const file = join(folder, 'conf')
    writeFileSync(file, (await run(format, sitePath(folder))).out)
    t.doesNotThrow(() => execFileSync(program, args(file), { stdio: 'pipe', timeout: 10_000 }))
  })
}

t.test('an invalid command line or site file is refused', async (t) => {
  await t.rejects(
    run('dnsmask', 'site.yaml'),
    new UsageError('expected dnsmasq or isc before the site file (did you mean dnsmasq?)'),
  )
  await t.rejects(run('isc', 'a', 'b'), new UsageError('expected one site file'))
  t.match(await run('isc', join(t.testdir(), 'none.yaml')), { code: 1, err: [/^there is no site file /] })
})
