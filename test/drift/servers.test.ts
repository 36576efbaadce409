import { join } from 'node:path'
import t from 'tap'
import {
  formatServer,
  parseServer,
  readResolvConf,
  resolvConfServers,
  serversOf,
} from '../../src/drift/servers.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

t.test('returns the servers of a site, each once, with their users', (t) => {
  const site = exampleSite()
  const model = exampleModel({
    ...site,
    server: { ...site.server, peers: ['192.0.2.4'], installer: '192.0.2.2' },
    subnets: [...site.subnets, { cidr: '198.51.100.0/24', dns: ['198.51.100.53', '192.0.2.2'] }],
    dns: { forward: ['203.0.113.53', '198.51.100.53'], secondaries: ['192.0.2.53'] },
  } as typeof site)
  t.same(
    serversOf(model, 'search x\nnameserver 203.0.113.53\nnameserver 127.0.0.53\n').map((server) => [
      formatServer(server),
      server.usedBy.join(', '),
      server.isRequired,
    ]),
    [
      ['192.0.2.2:53', 'this server, nodes in 192.0.2.0/24, nodes in 198.51.100.0/24', true],
      ['198.51.100.53:53', 'nodes in 198.51.100.0/24, dns.forward', true],
      ['192.0.2.4:53', 'server.peers', true],
      ['192.0.2.53:53', 'dns.secondaries', true],
      ['203.0.113.53:53', 'dns.forward, /etc/resolv.conf', false],
      ['127.0.0.53:53', '/etc/resolv.conf', false],
    ],
  )
  t.end()
})

t.test('if another server has the zones, only the resolvers are queried', (t) => {
  const site = exampleSite()
  const subnets = [{ cidr: '192.0.2.0/24', dns: ['192.0.2.53'] }]
  const dns = { serve: false, forward: ['203.0.113.53'], secondaries: ['192.0.2.54'] }
  const model = exampleModel({ ...site, subnets, dns } as unknown as typeof site)
  t.same(serversOf(model, '').map(formatServer), ['192.0.2.53:53', '203.0.113.53:53'])
  t.end()
})

t.test('reads resolv.conf(5)', async (t) => {
  const folder = t.testdir({ 'resolv.conf': 'nameserver 192.0.2.1\n' })
  t.equal(await readResolvConf(join(folder, 'resolv.conf')), 'nameserver 192.0.2.1\n')
  t.equal(await readResolvConf(join(folder, 'none')), '')
  const text =
    '# nameserver 192.0.2.1\nnameserver\t192.0.2.2\nnameserver 2001:DB8::53\nnameserver fe80::1%eth0\nnameserver x\n'
  t.same(resolvConfServers(text), ['192.0.2.2', '2001:db8::53'])
})

t.test('parses an address with or without a port', (t) => {
  const cases = {
    '192.0.2.1': '192.0.2.1:53',
    '192.0.2.1:5353': '192.0.2.1:5353',
    '2001:db8::53': '[2001:db8::53]:53',
    '[2001:db8::53]:5353': '[2001:db8::53]:5353',
  }
  for (const [text, expected] of Object.entries(cases)) {
    const server = parseServer(text)
    t.equal(server && formatServer(server), expected, text)
  }
  for (const text of [
    '',
    'ns1',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '192.0.2.1:',
    '[192.0.2.1',
    '192.0.2.1:53:53',
  ]) {
    t.equal(parseServer(text), undefined, text)
  }
  t.end()
})
