/** Values and keys that are not what the schema expects, each with a message that ends with the correction. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { loadSite } from '../../src/site/load.ts'

const example = readFileSync(new URL('../../config/site.example.yaml', import.meta.url), 'utf8')

function problemsOf(text: string): string[] {
  const loaded = loadSite(text, 'site.yaml')
  return loaded.kind === 'site' ? [] : loaded.problems.map(({ message }) => message)
}

/** @param replacements pairs of text in the example and what is written instead */
function withSlips(...replacements: readonly (readonly [string | RegExp, string])[]): string {
  return replacements.reduce((text, [original, written]) => {
    const changed = text.replace(original, written)
    if (changed === text) throw new Error(`not in the example: ${String(original)}`)
    return changed
  }, example)
}

t.test('the message about a value ends with the correction', (t) => {
  const cases: readonly (readonly [original: string, written: string, end: string])[] = [
    [
      '"00:50:56:96:37:c8"',
      '“00:50:56:96:37:c8”',
      'the value starts with a typographic quote (U+201C); use "',
    ],
    ['site: ocp45-lab', 'site: ‘ocp45-lab’', 'the value starts with a typographic quote (U+2018); use "'],
    ['site: ocp45-lab', 'site: ${SITE}', 'this looks like a template that was not filled in'],
    ['site: ocp45-lab', 'site: <name>', 'this looks like a template that was not filled in'],
    ['"00:50:56:96:37:c8"', '52:54:00:xx:xx:XX', 'this looks like a template that was not filled in'],
    ['gateway: 172.16.0.254', 'gateway: 172.16.0.254/24', 'did you mean 172.16.0.254?'],
    ['address: 172.16.0.21 ', 'address: 172.16.0.21/24 ', 'did you mean 172.16.0.21?'],
    ['address: 172.16.0.21 ', 'address: 172.16.0/24 ', 'expected an IPv4 or IPv6 address'],
    ['cidr: 172.16.0.0/24', 'cidr: 172.16.0.1/24', 'did you mean 172.16.0.0/24?'],
    ['cidr: 172.16.0.0/24', 'cidr: 172.16.0.1/255.255.255.0', 'did you mean 172.16.0.0/24?'],
    ['cidr: 172.16.0.0/24', 'cidr: 172.16.0.0/255.0.255.0', 'such as 172.16.0.0/24'],
    ['cidr: 172.16.0.0/24', 'cidr: 172.16.0.0', 'such as 172.16.0.0/24'],
    ['subnets:', 'subnets6: [{ cidr: "fd00:16::1/64" }]\nsubnets:', 'did you mean fd00:16::/64?'],
    ['subnets:', 'subnets6: [{ cidr: "fd00:16::" }]\nsubnets:', 'such as fd00:16::/64'],
    ['clients: [172.16.0.0/24, 192.168.124.0/24]', 'clients: 172.16.0.1/24', 'did you mean 172.16.0.0/24?'],
    ['clients: [172.16.0.0/24, 192.168.124.0/24]', 'clients: "fd00:16::1/64"', 'did you mean fd00:16::/64?'],
    ['clients: [172.16.0.0/24, 192.168.124.0/24]', 'clients: lab', 'such as 172.16.0.0/24 or fd00:16::/64'],
    ['172.16.0.101 }', '172.16.0.101, ports: { http: "8080" } }', 'write it without quotes'],
    ['172.16.0.101 }', '172.16.0.101, ports: { http: "http" } }', 'from 1 to 65535'],
    ['  forward:', '  serve: "true"\n  forward:', 'write it without quotes'],
    ['  forward:', '  serve: "yes"\n  forward:', 'expected true or false'],
    ['name: w1,', 'name: w1.ocp45.example.localdomain,', 'did you mean w1?'],
    ['name: w1,', 'name: w_1,', 'and inner hyphens'],
  ]
  for (const [original, written, end] of cases) {
    const [message = '', ...others] = problemsOf(withSlips([original, written]))
    t.ok(message.endsWith(end), `${written}: ${message}`)
    t.same(others, [], 'one mistake has one message')
  }
  t.end()
})

t.test('keys of other programs get the key of the site file', (t) => {
  const cases: readonly (readonly [original: string, written: string, meant: string])[] = [
    ['address: 172.16.0.31', 'ip: 172.16.0.31', 'address'],
    ['mac: "00:50:56:96:6b:da"', 'macaddr: "00:50:56:96:6b:da"', 'mac'],
    ['    domain: ', '    baseDomain: ', 'domain'],
    ['subnets:', 'network:', 'subnets'],
    ['cidr:', 'network:', 'cidr'],
    ['apiInternal:', 'api-int:', 'apiInternal'],
    ['ingress:', 'ingressVIPs:', 'ingress'],
    ['  forward:', '  nameservers:', 'forward'],
    ['gateway:', 'router:', 'gateway'],
  ]
  for (const [original, written, meant] of cases) {
    t.match(problemsOf(withSlips([original, written])).join('\n'), `unknown key; did you mean ${meant}?`)
  }
  t.end()
})

t.test('lists of simple values accept a single one', (t) => {
  const text = withSlips(
    ['forward: [192.168.124.1]', 'forward: 192.168.124.1'],
    ['clients: [172.16.0.0/24, 192.168.124.0/24]', 'clients: 172.16.0.0/24'],
    ['[ns1.example.localdomain]', 'ns1.example.localdomain'],
    ['zones: [example.localdomain]', 'zones: example.localdomain'],
    ['ntp: [172.16.0.101]', 'ntp: 172.16.0.101, relays: 172.16.0.1, dns: 172.16.0.101, search: a.test'],
    ['console: [tty0, ttyS0]', 'console: tty0\n    kernelArguments: quiet\n    networkKeyfiles: bond0'],
    ['ingress: 172.16.0.111', 'ingress: 172.16.0.111, external: api'],
    ['file: /etc/haproxy/haproxy.cfg,', 'file: /etc/haproxy/haproxy.cfg, with: /etc/haproxy/haproxy.cfg,'],
  )
  t.same(problemsOf(text), [])
  const loaded = loadSite(text, '/site.yaml')
  t.match(loaded, { site: { subnets: [{ search: ['a.test'] }], clusters: [{ console: ['tty0'] }] } })
  t.match(problemsOf(withSlips(['forward: [192.168.124.1]', 'forward: {}'])), [
    /expected one value or a list$/,
  ])
  t.match(problemsOf(withSlips(['forward: [192.168.124.1]', 'forward: 172.16.0.101'])), [
    /^got 172\.16\.0\.101, expected another resolver/,
  ])
  t.end()
})

t.test('a lone master without a load balancer is probably a single-node cluster', (t) => {
  const lone = withSlips([/ {4}loadBalancer.*\n/, '']).replace(
    /.*\{ name: (?:bs|m2|m3|w1|w2|w3), role.*\n/g,
    '',
  )
  t.match(problemsOf(lone), [/; for a single-node cluster, set role: single for m1$/])
  const three = withSlips([/ {4}loadBalancer.*\n/, ''])
  t.match(problemsOf(three), [/with a node of the role single\)$/])
  t.end()
})

t.test('a wrong key in a part of a cluster does not hide the other problems of the cluster', (t) => {
  for (const written of ['apiInternl: 172.16.0.110', 'external: [x], apiInternal: 172.16.0.110']) {
    const text = withSlips(['apiInternal: 172.16.0.110', written], ['image: rhcos-4.17', 'image: rhcos-4.18'])
    t.match(problemsOf(text), [/did you mean rhcos-4\.17\?$/, /expected (?:api or ingress)|unknown key/])
  }
  t.same(
    problemsOf(withSlips(['    image:', '    imagee:'])).length,
    1,
    'a misspelled key is not missing as well',
  )
  t.end()
})
