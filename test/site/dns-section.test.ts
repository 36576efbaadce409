/** Resolvers of the site file, with and without a port, and the plan that they lead to. */
import t from 'tap'
import { compileForwarding } from '../../src/plan/dns/names.ts'
import { formatResolver } from '../../src/plan/dns/plan.ts'
import { formatIp } from '../../src/proto/address/ip.ts'
import { dnsSection } from '../../src/site/dns-section.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

t.test('a resolver is an address, and can have a port', (t) => {
  const cases: [text: string, address: string, port: number, written?: string][] = [
    ['192.0.2.53', '192.0.2.53', 53],
    ['192.0.2.53:5353', '192.0.2.53', 5353],
    ['192.0.2.53:53', '192.0.2.53', 53, '192.0.2.53'],
    ['2001:DB8::53', '2001:db8::53', 53, '2001:db8::53'],
    ['[2001:db8::53]:5353', '2001:db8::53', 5353],
    ['[2001:db8::53]:65535', '2001:db8::53', 65_535],
    // The last group of an IPv6 address is not a port.
    ['2001:db8::53:5353', '2001:db8::53:5353', 53],
  ]
  for (const [text, address, port, written = text] of cases) {
    const { forward } = dnsSection.parse({ forward: text })
    t.same(
      forward.map((each) => [formatIp(each.address), each.port]),
      [[address, port]],
      text,
    )
    t.equal(formatResolver({ address, port }), written)
  }
  t.end()
})

t.test('other texts are rejected with the forms that are expected', (t) => {
  const texts = [
    'resolver.example.net',
    '192.0.2.53#5353',
    '192.0.2.53:',
    '192.0.2.53:0',
    '192.0.2.53:053',
    '192.0.2.53:65536',
    '192.0.2.300:53',
    '192.0.2.53:5353:1',
    '[192.0.2.53]:53',
    '[2001:db8::53]',
    '[2001:db8::g]:53',
    '2001:db8::53]:53',
    ':53',
    '',
  ]
  const expected =
    'expected an IP address, or one with a port, such as 172.16.0.53:5353 or [2001:db8::53]:5353'
  for (const servers of texts) {
    const { success, error } = dnsSection.safeParse({ forwardZones: [{ zone: 'example.net', servers }] })
    t.equal(success, false, servers)
    t.match(JSON.stringify(error?.issues), expected, servers)
  }
  t.end()
})

t.test('the plan has the ports, without this server itself', (t) => {
  const site = exampleSite()
  const forward = ['192.0.2.2', '192.0.2.2:5353', '192.0.2.53', '[2001:db8::53]:5353']
  const forwardZones = [{ zone: 'corp.example', servers: ['192.0.2.2:53', '192.0.2.54:54'] }]
  const model = exampleModel(Object.assign(site, { dns: { forward, forwardZones } }))
  const plan = compileForwarding(model)
  t.same(plan.resolvers.map(formatResolver), ['192.0.2.2:5353', '192.0.2.53', '[2001:db8::53]:5353'])
  t.same(plan.forwardZones[0]?.resolvers.map(formatResolver), ['192.0.2.54:54'])
  t.end()
})
