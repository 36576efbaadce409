import t from 'tap'
import { guideModel, zones } from '../../plan/dns/guide.ts'
import { ask, askOctets, encode, line, planOf } from './ask.ts'

const plan = planOf(
  guideModel((site) => {
    site.dns['zones'] = [...zones, 'deep.lab.example.localdomain']
    site.dns['forwardZones'] = [{ zone: 'example.net', servers: ['10.0.0.53'] }]
    site.hosts.push({ name: 'registry.example.net', address: '172.16.0.9' })
    site.dns['records'] = [{ name: 'lab2.example.localdomain', ns: ['ns.example.org'] }]
  }),
)

const ours = ['example.localdomain', 'registry.example.net', '0.16.172.in-addr.arpa']

t.test('DS of a zone of the site is forwarded to the resolvers (RFC 4035 §3.1.4.1)', (t) => {
  for (const name of ours) {
    for (const edns of [undefined, { isDnssecOk: true }, { isDnssecOk: false }]) {
      for (const transport of ['udp', 'tcp'] as const) {
        const query = encode({ name: name.toUpperCase(), type: 'DS', ...(edns && { edns }) })
        const result = askOctets(plan, query, { transport })
        if (result.kind !== 'forward') throw new Error(`${name}: ${result.kind}`)
        t.equal(result.request.isDnssecOk, edns?.isDnssecOk === true)
        const address = name.endsWith('net') ? '10.0.0.53' : '192.168.124.1'
        t.same(result.request.resolvers, [{ address, port: 53 }], name)
      }
    }
  }
  t.end()
})

t.test('DS of a zone of the site is NODATA without recursion', (t) => {
  const alone = planOf(guideModel((site) => (site.dns = { zones })))
  for (const name of ours) {
    const nodata = { rcode: 'NOERROR', flag_aa: true, answers: [] }
    const stranger = ask(plan, { name, type: 'DS' }, { mayForward: false })
    t.match(stranger, nodata, `${name}: a client that may not use the resolvers`)
    t.same(stranger.authorities.map(line), [`${name} SOA 3600`])
    t.match(ask(plan, { name, type: 'DS', flags: 0 }), nodata, `${name}: recursion is not desired`)
  }
  t.match(ask(alone, { name: 'example.localdomain', type: 'DS' }), { rcode: 'NOERROR', flag_aa: true })
  t.end()
})

t.test('DS between two zones of the site is answered by the upper one', (t) => {
  const reply = ask(plan, { name: 'deep.lab.example.localdomain', type: 'DS' })
  t.match(reply, { rcode: 'NOERROR', flag_aa: true, answers: [] })
  t.same(reply.authorities.map(line), ['example.localdomain SOA 3600'])
  t.end()
})

t.test('DS of other names stays here', (t) => {
  const cases = [
    ['ns1.example.localdomain', 'NOERROR'],
    ['lab2.example.localdomain', 'NOERROR'],
    ['none.example.localdomain', 'NXDOMAIN'],
    ['localhost', 'NOERROR'],
    ['invalid', 'NOERROR'],
    ['127.in-addr.arpa', 'NOERROR'],
  ] as const
  for (const [name, rcode] of cases) t.match(ask(plan, { name, type: 'DS' }), { rcode, flag_aa: true }, name)
  for (const type of ['DNSKEY', 'SOA', 'NS', 'A']) {
    t.match(ask(plan, { name: 'example.localdomain', type }), { flag_aa: true }, type)
  }
  t.end()
})
