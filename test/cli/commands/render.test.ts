import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { render } from '../../../src/cli/commands/render.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

const lone = '; zone registry.example.org.'
const more = `hosts:
  - { name: registry.example.org, address: [192.0.2.40, "2001:db8::40"] }
  - { name: deep.zone.example.net, address: 192.0.2.41 }
haproxy: { file: haproxy.cfg }
`

async function run(t: Test, site: string, ...args: string[]) {
  const folder = t.testdir(siteFolder(site))
  const terminal = keptTerminal()
  const code = await render.run([sitePath(folder), ...args], terminal)
  return { code, out: `${terminal.outLines.join('\n')}\n`, err: terminal.errLines.join('\n') }
}

t.test('prints haproxy.cfg as slipway writes it', async (t) => {
  const { code, out } = await run(t, siteText(undefined, more), 'haproxy')
  t.equal(code, 0)
  t.match(out, /\nfrontend kubeapi\n/)
  t.equal(out.endsWith('\n\n'), false)
})

t.test('prints the script for an iPXE that trusts the CA', async (t) => {
  t.match((await run(t, siteText(), 'ipxe-script')).err, 'the site has no server.tls')
  const site = siteText().replace('address: 127.0.0.1', 'address: 127.0.0.1, tls: { ca: generated }')
  t.match(
    (await run(t, site, 'ipxe-script')).out,
    'chain --replace --autofree https://127.0.0.1:8444/boot.ipxe ||',
  )
})

t.test('prints the commands that enable the socket units of the site', async (t) => {
  const site = siteText(undefined, more)
  t.match((await run(t, site, 'units')).err, /set server\.interface/)
  const other = site.replace('address: 127.0.0.1', 'address: 127.0.0.1, ports: { http: 8080 }')
  t.match((await run(t, other, 'units')).err, /the units listen on the standard ports/)
  const complete = site.replace('address: 127.0.0.1', 'interface: ens4, address: 127.0.0.1')
  const { code, out } = await run(t, complete, 'units')
  t.equal(code, 0)
  t.match(out, "sed 's/^BindToDevice=.*/BindToDevice=ens4/'")
  t.match(
    out,
    'systemctl enable --now slipway-dhcp-ens4.socket slipway-tftp@127.0.0.1.socket slipway-dns@127.0.0.1.socket slipway-http@127.0.0.1.socket\n',
  )
  t.match(out, 'enable --now slipway-haproxy.path', 'HAProxy is reloaded by the units')
  t.match(out, /systemctl enable --now slipway\.service\n$/)
  t.equal(spawnSync('sh', ['-n'], { input: out }).status, 0, 'a shell can parse it')
})

t.test('prints the socket unit of a syslog receiver on the standard port', async (t) => {
  const site = siteText(undefined, 'syslog: {}\n').replace(
    'address: 127.0.0.1',
    'interface: ens4, address: 127.0.0.1',
  )
  t.match(
    (await run(t, site, 'units')).out,
    ' slipway-http@127.0.0.1.socket slipway-syslog@127.0.0.1.socket\n',
  )
  const other = site.replace('syslog: {}', 'syslog: { port: 1514 }')
  t.match((await run(t, other, 'units')).err, /set 1514 for syslog in copies of them/)
})

const ipv6 = `subnets6:
  - { cidr: "fd00:16::/64", search: example.net, routerAdvertisements: {} }
  - { cidr: "fd00:17::/64", routerAdvertisements: { interface: ens5, router: true, autonomous: true } }
`

t.test('prints the socket units of IPv6', async (t) => {
  const site = siteText(undefined, `${ipv6}syslog: {}\n`).replace(
    'address: 127.0.0.1',
    'interface: ens4, address: 127.0.0.1, address6: "fd00:16::101"',
  )
  const { out } = await run(t, site, 'units')
  t.match(out, "sed 's/\\[2001:db8::101\\]/[fd00:16::101]/' /usr/lib/systemd/system/slipway-tftp6.socket")
  t.match(
    out,
    'slipway-http6.socket slipway-tftp6.socket slipway-dns6.socket slipway-syslog6.socket slipway-dhcp6.socket\n',
  )
  t.equal(spawnSync('sh', ['-n'], { input: out }).status, 0, 'a shell can parse it')
})

t.test('prints radvd.conf, with a block for each interface', async (t) => {
  const site = siteText(undefined, ipv6).replace(
    'address: 127.0.0.1',
    'interface: ens4, address: 127.0.0.1, address6: "fd00:16::101"',
  )
  const { code, out } = await run(t, site, 'radvd')
  t.equal(code, 0)
  const [, first = '', second = ''] = out.split(/^interface /m)
  t.match(first, /^ens4\n/)
  t.match(first, /AdvManagedFlag on;\n {2}AdvOtherConfigFlag on;\n {2}AdvDefaultLifetime 0;/)
  t.match(first, /prefix fd00:16::\/64\n/)
  t.match(first, /AdvAutonomous off;/)
  t.match(first, /RDNSS fd00:16::101 \{\};\n {2}DNSSL example\.net \{\};/)
  t.match(second, /^ens5\n/)
  t.notMatch(second, /AdvDefaultLifetime|DNSSL/)
  t.match(second, /AdvAutonomous on;/)
  t.match((await run(t, siteText(), 'radvd')).err, /no network in subnets6 has the key routerAdvertisements/)
})

t.test('prints keepalived.conf of this machine', async (t) => {
  const shared = `${more}keepalived: { interface: ens4 }\n`
  const site = siteText(undefined, shared).replace(
    '127.0.0.1',
    '127.0.0.1, peers: [127.0.0.2], installer: 127.0.0.1',
  )
  const { code, out } = await run(t, site, 'keepalived')
  t.equal(code, 0)
  t.match(out, /\n {4}192\.0\.2\.5\/24 dev ens4\n/)
})

t.test('prints the boot script of a node', async (t) => {
  const { code, out } = await run(t, siteText(), 'ipxe', 'm1')
  t.equal(code, 0)
  t.match(out, /^#!ipxe\n/)
  t.match(out, 'http://127.0.0.1/boot/c1/m1/@token-of-the-install@/master.ign')
})

t.test('prints the permissions that slipway needs in a cluster', async (t) => {
  const named = await run(t, siteText(), 'rbac', 'c1')
  t.equal(named.code, 0)
  t.match(named.out, /^apiVersion: v1\nkind: Namespace\n/)
  t.match(await run(t, siteText(), 'rbac'), { code: 0, out: named.out }, 'the only cluster')
  await t.rejects(run(t, siteText(), 'rbac', 'c2'), {
    name: 'UsageError',
    message: 'rbac: no cluster "c2", expected one of c1',
  })
})

t.test('prints all zones except those that every name server has built in', async (t) => {
  const { code, out } = await run(t, siteText(undefined, more), 'zones')
  t.equal(code, 0)
  t.same(out.match(/^; zone .*$/gm), [
    '; zone c1.example.net.',
    lone,
    '; zone deep.zone.example.net.',
    '; zone 2.0.192.in-addr.arpa.',
    '; zone 0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.',
  ])
})

t.test('prints one zone, regardless of case and final dot', async (t) => {
  const { out } = await run(t, siteText(undefined, more), 'zones', 'Registry.Example.org.')
  t.equal(
    out.replace(/\. \d+ 3600 900/, '. SERIAL 3600 900'),
    `${lone}
registry.example.org.      3600  IN  SOA   ns1.registry.example.org. root.registry.example.org. SERIAL 3600 900 3600000 3600
registry.example.org.      3600  IN  NS    ns1.registry.example.org.
registry.example.org.      3600  IN  A     192.0.2.40
registry.example.org.      3600  IN  AAAA  2001:db8::40
ns1.registry.example.org.  3600  IN  A     127.0.0.1
`,
  )
})

const records = siteText().replace(
  'dns: { forward: [192.0.2.53] }\n',
  `dns:
  records:
    - { name: git.example.net, cname: m1.c1.example.net }
    - { name: _git._tcp.example.net, srv: [{ target: m1.c1.example.net, port: 9418, priority: 1, weight: 5 }] }
    - { name: lab2.example.net, ns: [ns.lab2.example.net] }
    - { name: ns.lab2.example.net, address: 192.0.2.50 }
    - { name: text.example.net, txt: ['say "yes" \\ ü', "${'x'.repeat(256)}"] }
`,
)

t.test('prints records of every type, and long texts in strings of 255 octets (RFC 1035 §5.1)', async (t) => {
  const { out } = await run(t, records, 'zones', 'example.net')
  const lines = out.split('\n').map((line) => line.replaceAll(/ +/g, ' '))
  for (const line of [
    'git.example.net. 3600 IN CNAME m1.c1.example.net.',
    '_git._tcp.example.net. 3600 IN SRV 1 5 9418 m1.c1.example.net.',
    'lab2.example.net. 3600 IN NS ns.lab2.example.net.',
    'ns.lab2.example.net. 3600 IN A 192.0.2.50',
    String.raw`text.example.net. 3600 IN TXT "say \"yes\" \\ \195\188"`,
    `text.example.net. 3600 IN TXT "${'x'.repeat(255)}" "x"`,
  ]) {
    t.equal(lines.includes(line), true, line)
  }
})

const hasJudge = spawnSync('named-checkzone', ['-v']).status === 0

t.test('BIND accepts every zone', { skip: !hasJudge && 'no named-checkzone' }, async (t) => {
  for (const site of [siteText(undefined, more), records]) {
    const { out } = await run(t, site, 'zones')
    for (const [, zone] of out.matchAll(/^; zone (.*)\.$/gm)) {
      const { out: file } = await run(t, site, 'zones', zone ?? '')
      const master = join(t.testdir({ zone: file }), 'zone')
      const said = execFileSync('named-checkzone', ['-i', 'local', zone ?? '', master], { encoding: 'utf8' })
      t.match(said, /^zone .*: loaded serial \d+\nOK\n$/)
    }
  }
})

const absences = [
  {
    name: 'no load balancer',
    site: siteText(),
    args: ['haproxy'],
    reason: 'the site has no haproxy section, or no service to balance',
  },
  {
    name: 'no addresses to share',
    site: siteText(),
    args: ['keepalived'],
    reason: 'the site has no keepalived section, or no load balancer address to share',
  },
  {
    name: 'a zone that it does not have',
    site: siteText(),
    args: ['zones', 'example.org'],
    reason: 'the site has no zone example.org; it has c1.example.net, 2.0.192.in-addr.arpa',
  },
]

for (const { name, site, args, reason } of absences) {
  t.test(`${name}: exit code 1`, async (t) => {
    t.same(await run(t, site, ...args), { code: 1, out: '\n', err: `slipway render: ${reason}` })
  })
}

t.test('a site that cannot be read: exit code 1', async (t) => {
  const terminal = keptTerminal()
  t.equal(await render.run([join(t.testdir(), 'none.yaml'), 'zones'], terminal), 1)
  t.match(terminal.errLines.join('\n'), /^there is no site file /)
})

t.test('a network card instead of a bridge is a warning in the network of libvirt', async (t) => {
  const site = (name: string) => siteText().replace('127.0.0.1', `192.0.2.10, interface: ${name}`)
  const { code, err } = await run(t, site('ens4'), 'libvirt')
  t.equal(code, 0)
  t.match(
    err,
    /^slipway render: warning: ens4 is a network card, not a bridge: replace <bridge name='ens4'\/>/,
  )
  t.match(await run(t, site('virbr1'), 'libvirt'), { code: 0, err: '' })
})

t.test('refuses a part that does not exist', async (t) => {
  const cases = [
    { args: [], message: 'expected one of haproxy, keepalived, zones, ipxe' },
    { args: ['site.yaml'], message: 'expected one of haproxy, keepalived, zones, ipxe' },
    { args: ['site.yaml', 'zone'], message: 'cannot render "zone" (did you mean zones?)' },
    { args: ['site.yaml', 'toString'], message: 'cannot render "toString"' },
    { args: ['site.yaml', 'haproxy', 'x'], message: 'too many arguments after haproxy' },
    { args: [sitePath(t.testdir(siteFolder())), 'ipxe'], message: 'ipxe: expected the name of a node' },
  ]
  for (const { args, message } of cases) {
    await t.rejects(render.run(args, keptTerminal()), new UsageError(message))
  }
})

t.test('prints the kernel arguments and the keyfiles of a node', async (t) => {
  const address = 'ipv4: { address: [{ ip: 192.0.2.21, prefix-length: 24 }] }'
  const withNetwork = (use: string) =>
    siteText().replace(
      'address: 192.0.2.21 }',
      `address: 192.0.2.21, network: { use: ${use}, interfaces: [{ name: eno1, type: ethernet, ${address} }] } }`,
    )
  const both = await run(t, withNetwork('both'), 'network', 'w1')
  t.equal(both.code, 0)
  t.match(
    both.out,
    /^# Kernel arguments of .* c1\/w1\nip=192\.0\.2\.21:.*:eno1:none\nnameserver=.*\nrd\.neednet=1\n\n/,
  )
  t.match(both.out, '\n# /etc/NetworkManager/system-connections/eno1.nmconnection\n[connection]\nid=eno1\n')
  t.match((await run(t, withNetwork('keyfiles'), 'network', 'w1')).out, '# none: it uses DHCP\n')
  t.match((await run(t, withNetwork('arguments'), 'network', 'w1')).out, '# No keyfiles')
  const without = await run(t, siteText(), 'network', 'w1')
  t.equal(without.code, 1)
  t.match(without.err, 'c1/w1 has no section network')
  await t.rejects(run(t, siteText(), 'network'), new UsageError('network: expected the name of a node'))
})
