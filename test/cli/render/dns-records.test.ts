/** Records for other name servers, in every format; the programs that read them accept them, where they are installed. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { UsageError } from '../../../src/cli/command.ts'
import { render } from '../../../src/cli/commands/render.ts'
import { recordFormats } from '../../../src/cli/render/dns-records.ts'
import { dnsEndpoints, route53Batches } from '../../../src/cli/render/record-sets.ts'
import type { Ipv4 } from '../../../src/proto/address/ip.ts'
import { golden } from '../../support/golden.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

/** A record of every type, a delegation with and one without known addresses, and two kinds of wildcards. */
const site = siteText(
  undefined,
  'hosts: [{ name: registry.example.org, address: [192.0.2.40, "2001:db8::40"] }]\n',
).replace(
  'dns: { forward: [192.0.2.53] }\n',
  `dns:
  zones: [example.net]
  records:
    - { name: git.example.net, cname: m1.c1.example.net, ttlSeconds: 60 }
    - { name: "*.dev.example.net", cname: git.example.net }
    - { name: "*.lab.example.net", address: [192.0.2.60, 192.0.2.61] }
    - { name: _git._tcp.example.net, srv: [{ target: m1.c1.example.net, port: 9418, priority: 1, weight: 5 }] }
    - name: example.net
      mx: [{ target: mail.example.org }]
      caa: [{ tag: issue, value: "ca.example; policy=ev", critical: true }]
      txt: ['say "yes" \\\\, ü', "${'x'.repeat(256)}"]
    - { name: lab2.example.net, ns: [ns.lab2.example.net, ns.example.com] }
    - { name: ns.lab2.example.net, address: 192.0.2.50 }
    - { name: lab3.example.net, ns: [ns.example.com] }
`,
)
const elsewhere = siteText()
  .replace('dns: {', 'dns: { serve: false,')
  .replace('192.0.2.0/24 }', '192.0.2.0/24, dns: [192.0.2.53] }')

async function run(t: Test, text: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await render.run([sitePath(t.testdir(siteFolder(text))), 'zones', ...args], terminal)
  return { code, out: `${terminal.outLines.join('\n')}\n`, err: terminal.errLines.join('\n') }
}

const extensions = {
  bind: 'zone',
  dnsmasq: 'conf',
  infoblox: 'csv',
  route53: 'jsonl',
  'external-dns': 'yaml',
}

for (const format of recordFormats) {
  t.test(`format ${format}`, async (t) => {
    const { code, out, err } = await run(t, site, '--format', format)
    t.same({ code, err }, { code: 0, err: '' })
    golden(
      t,
      `dns/records/${format}.${extensions[format]}`,
      out.replaceAll(/\. \d{9,} 3600 900/g, '. SERIAL 3600 900'),
    )
  })
}

const has = (program: string, ...args: string[]) => spawnSync(program, args).status === 0
const hasDnsmasq = has('/usr/sbin/dnsmasq', '--version')

t.test('dnsmasq accepts its options', { skip: !hasDnsmasq && 'no dnsmasq' }, async (t) => {
  const { out } = await run(t, site, '--format', 'dnsmasq')
  const file = join(t.testdir({ 'site.conf': out }), 'site.conf')
  const { status, stderr } = spawnSync('/usr/sbin/dnsmasq', ['--test', '-C', file], { encoding: 'utf8' })
  t.same({ status, stderr }, { status: 0, stderr: 'dnsmasq: syntax check OK.\n' })
})

t.test('another server has the zones: only the declared records, which BIND accepts in a zone', async (t) => {
  const { code, out } = await run(t, elsewhere)
  t.equal(code, 0)
  t.equal(/\bSOA\b|\bNS\b/.test(out), false, 'neither SOA nor NS records')
  t.match(out, /^api\.c1\.example\.net\. +3600 +IN +A +192\.0\.2\.5$/m)
  t.match(out, /^11\.2\.0\.192\.in-addr\.arpa\. +3600 +IN +PTR +m1\.c1\.example\.net\.$/m)
  if (!has('named-checkzone', '-v')) return
  const { out: zone } = await run(t, elsewhere, 'c1.example.net')
  const apex = '$TTL 60\n@ SOA ns root 1 1 1 1 1\n@ NS ns.example.org.\n'
  const file = join(t.testdir({ zone: apex + zone }), 'zone')
  const { stdout } = spawnSync('named-checkzone', ['-i', 'local', 'c1.example.net', file], {
    encoding: 'utf8',
  })
  t.match(stdout, /\nOK\n$/)
})

t.test('one zone in another format', async (t) => {
  const { out } = await run(t, site, '--format=infoblox', 'registry.example.org')
  t.equal(
    out,
    `header-arecord,fqdn*,address*,ttl
arecord,registry.example.org,192.0.2.40,3600
header-aaaarecord,fqdn*,address*,ttl
aaaarecord,registry.example.org,2001:db8::40,3600
`,
  )
  t.match(await run(t, site, '--format=infoblox', 'example.com'), {
    code: 1,
    err: /no zone example\.com; it has/,
  })
})

t.test('refuses a format that does not exist, and one for another part', async (t) => {
  await t.rejects(run(t, site, '--format', 'route-53'), {
    name: 'UsageError',
    message:
      'no format "route-53" (did you mean route53?); expected one of bind, dnsmasq, infoblox, route53, external-dns',
  })
  const path = sitePath(t.testdir(siteFolder()))
  await t.rejects(
    render.run([path, 'haproxy', '--format', 'bind'], keptTerminal()),
    new UsageError('--format is for zones, not for haproxy'),
  )
})

const large = (count: number) => [
  {
    name: 'example.net',
    records: Array.from({ length: count }, (_, index) => ({
      owner: `n${index}.example.net`,
      ttlSeconds: 60,
      data: { type: 'A', address: (0x0a000000 + index) as Ipv4 } as const,
    })),
  },
]

t.test(
  'Route 53: at most 1,000 records and 32,000 characters in a request, where UPSERT counts twice',
  (t) => {
    const parse = (text: string) =>
      text
        .split('\n')
        .map((line) => JSON.parse(line) as { Comment: string; Changes: { ResourceRecordSet: object }[] })
    const batches = parse(route53Batches(large(1001)))
    t.same(
      batches.map(({ Comment, Changes }) => [Comment, Changes.length]),
      [1, 2, 3].map((number) => [`zone example.net., batch ${number} of 3`, number < 3 ? 500 : 1]),
    )
    const text = (index: number) => ({
      owner: `t${index}.example.net`,
      ttlSeconds: 60,
      data: { type: 'TXT', text: 'x'.repeat(3000) } as const,
    })
    const long = parse(
      route53Batches([{ name: 'example.net', records: Array.from({ length: 12 }, (_, i) => text(i)) }]),
    )
    t.same(
      long.map(({ Changes }) => Changes.length),
      [5, 5, 2],
    )
    t.end()
  },
)

t.test('ExternalDNS: at most 1,000 endpoints in an object', (t) => {
  type Endpoint = { metadata: { name: string }; spec: { endpoints: { dnsName: string }[] } }
  const objects = parseAllDocuments(dnsEndpoints(large(1001))).map((document) => document.toJS() as Endpoint)
  t.same(
    objects.map(({ metadata, spec }) => [metadata.name, spec.endpoints.length]),
    [
      ['slipway-example.net', 1000],
      ['slipway-example.net-2', 1],
    ],
  )
  t.end()
})
