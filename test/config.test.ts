/** What lies in config/: each site is fine, the first is the guide's, and the JSON Schema is the schema of today. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compileHaproxy } from '../src/plan/haproxy/compile.ts'
import { renderHaproxy } from '../src/plan/haproxy/render.ts'
import { renderKeepalived } from '../src/plan/keepalived.ts'
import { buildModel } from '../src/plan/model.ts'
import { formatIp } from '../src/proto/address/ip.ts'
import { endpointsOf } from '../src/site/declared.ts'
import { siteJsonSchema } from '../src/site/schema-violations.ts'
import { loadSite } from '../src/site/load.ts'
import { formatProblem } from '../src/site/problem.ts'
import type { Site } from '../src/site/schema.ts'
import { expectValidHaproxy, expectValidKeepalived, noHaproxy, noKeepalived } from './support/validators.ts'

const noFacts = { images: new Map(), ignition: new Map(), loaders: new Map() }
const config = new URL('../config/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, config), 'utf8')

function load(name: string): Site {
  const loaded = loadSite(read(name), `/etc/slipway/${name}`)
  if (loaded.kind === 'site') return loaded.site
  throw new Error(loaded.problems.map(formatProblem).join('\n'))
}

const sites = readdirSync(config, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.yaml') && !/^(?:monitoring|answers)\//.test(name),
)

for (const name of sites) {
  t.test(`config/${name}`, (t) => {
    const model = buildModel(load(name), noFacts)
    const { plan, findings } = compileHaproxy(model)
    t.same(findings, [], 'nothing is wrong with its load balancer')
    const shared = renderKeepalived(model)
    if (plan !== undefined) {
      t.test('HAProxy accepts its configuration', { skip: noHaproxy }, (t) => {
        const text = renderHaproxy(plan)
        expectValidHaproxy(t, [join(t.testdir({ 'haproxy.cfg': text }), 'haproxy.cfg')])
        t.end()
      })
    }
    if (shared !== undefined) {
      t.test('keepalived accepts its configuration', { skip: noKeepalived }, (t) => {
        expectValidKeepalived(t, shared)
        t.end()
      })
    }
    t.end()
  })
}

t.test('the sites use every part that a program validates', (t) => {
  const of = (has: (site: Site) => boolean) => sites.filter((name) => has(load(name)))
  t.same(
    of(({ keepalived }) => keepalived !== undefined),
    ['examples/two-machines.yaml'],
  )
  t.ok(of(({ haproxy }) => haproxy !== undefined).length > 3)
  t.end()
})

t.test('config/site.schema.json is current: `UPDATE=1 npx tap test/config.test.ts` writes it', (t) => {
  const text = `${JSON.stringify(siteJsonSchema(), null, 2)}\n`
  if (process.env['UPDATE'] !== undefined) writeFileSync(new URL('site.schema.json', config), text)
  t.equal(read('site.schema.json'), text)
  t.end()
})

t.test('the example names the schema for editors', (t) => {
  t.equal(read('site.example.yaml').split('\n')[0], '# yaml-language-server: $schema=./site.schema.json')
  t.end()
})

t.test("the example is the guide's site", (t) => {
  const { clusters, hosts, server, dns, subnets, haproxy } = load('site.example.yaml')
  const cluster = clusters[0] as Site['clusters'][number]
  t.same(
    cluster.nodes.map(({ name, role, mac, address }) =>
      [name, role, mac, ...address.map(formatIp)].join(' '),
    ),
    [
      'bs bootstrap 00:50:56:96:11:c2 172.16.0.11',
      'm1 master 00:50:56:96:37:c8 172.16.0.21',
      'm2 master 00:50:56:96:ec:a7 172.16.0.22',
      'm3 master 00:50:56:96:e5:2f 172.16.0.23',
      'w1 worker 00:50:56:96:6b:da 172.16.0.31',
      'w2 worker 00:50:56:96:c1:c5 172.16.0.32',
      'w3 worker 00:50:56:96:e3:f5 172.16.0.33',
    ],
  )
  t.same(
    hosts.map(({ name, address }) => [name, ...address.map(formatIp)].join(' ')),
    [
      'bastion.example.localdomain 172.16.0.101',
      'ns1.example.localdomain 172.16.0.102',
      'ns2.example.localdomain 172.16.0.103',
      'lb1.example.localdomain 172.16.0.110 172.16.0.111',
      'lb2.example.localdomain 172.16.0.120 172.16.0.121',
    ],
  )
  const { api, apiInternal, ingress } = endpointsOf(cluster)
  t.same([api, apiInternal, ingress].flat().map(formatIp), ['172.16.0.111', '172.16.0.110', '172.16.0.111'])
  t.equal(`${cluster.name}.${cluster.domain}`, 'ocp45.example.localdomain')
  t.equal(formatIp(server.address), '172.16.0.101')
  t.same(
    dns.forward.map(({ address, port }) => [formatIp(address), port]),
    [['192.168.124.1', 53]],
  )
  t.same(
    [dns.contact, dns.nameServers, dns.ttlSeconds],
    ['root.example.localdomain', ['ns1.example.localdomain'], 3600],
  )
  t.same(subnets[0]?.ntp.map(formatIp), ['172.16.0.101'])
  t.same(cluster.console, ['tty0', 'ttyS0'])
  t.match(haproxy, { file: '/etc/haproxy/haproxy.cfg', reload: 'systemctl reload-or-restart haproxy' })
  t.end()
})

t.test('the infra nodes of the example load once their MAC addresses are filled in', (t) => {
  let last = 0
  const text = read('site.example.yaml').replaceAll(
    /# (- \{ name: i\d, .*mac: ")(")/g,
    (_, before, after) => {
      last++
      return `${String(before)}00:00:5e:00:53:0${last}${String(after)}`
    },
  )
  const loaded = loadSite(text, '/etc/slipway/site.yaml')
  t.equal(last, 3)
  t.equal(
    loaded.kind === 'site' && loaded.site.clusters[0]?.nodes.filter(({ role }) => role === 'infra').length,
    3,
  )
  t.end()
})
