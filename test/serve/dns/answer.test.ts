import t from 'tap'
import { crowdedModel, guideModel, zones } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hexFixture } from '../../support/hex.ts'
import { ask, askOctets, line, planOf } from './ask.ts'

const plan = planOf(crowdedModel())
const node = 'm1.ocp45.example.localdomain'

t.test('the header of an answer (RFC 1035 §4.1.1, RFC 4035 §3.2.2)', (t) => {
  const {
    RECURSION_DESIRED: RD,
    CHECKING_DISABLED: CD,
    AUTHENTIC_DATA: AD,
    AUTHORITATIVE_ANSWER: AA,
  } = dnsPacket
  const cases = [
    { name: 'RD is returned, RA says that recursion is there', flags: RD, flag_rd: true, flag_ra: true },
    { name: 'RA does not depend on RD', flags: 0, flag_rd: false, flag_ra: true },
    {
      name: 'RA is set only for clients that may use recursion',
      flags: RD,
      mayForward: false,
      flag_rd: true,
      flag_ra: false,
    },
    { name: 'CD is returned', flags: CD, flag_rd: false, flag_ra: true, flag_cd: true },
    { name: 'AD is for validated data only', flags: AD, flag_rd: false, flag_ra: true },
    {
      name: 'AA, TC, and Z of a query are ignored',
      flags: AA | dnsPacket.TRUNCATED_RESPONSE | 0x40,
      flag_rd: false,
      flag_ra: true,
    },
  ]
  for (const { name, flags, mayForward = true, ...expected } of cases) {
    const reply = ask(plan, { name: node, id: 0xbeef, flags }, { mayForward })
    t.match(
      reply,
      {
        id: 0xbeef,
        type: 'response',
        opcode: 'QUERY',
        rcode: 'NOERROR',
        flag_aa: true,
        flag_tc: false,
        flag_ad: false,
      },
      name,
    )
    t.match(reply, { flag_cd: false, ...expected }, name)
  }
  const lonely = planOf(guideModel((site) => (site.dns = { zones })))
  t.equal(ask(lonely, { name: node }).flag_ra, false, 'without resolvers there is no recursion')
  t.end()
})

t.test('the reply keeps the spelling of the question (RFC 4343 §4.1)', (t) => {
  const cases = [
    { name: 'M1.oCP45.Example.LocalDomain', type: 'A', answers: ['172.16.0.21'] },
    { name: 'Test.aPPs.OCP45.example.LOCALDOMAIN', type: 'A', answers: ['172.16.0.111'] },
    { name: '21.0.16.172.IN-ADDR.arpa', type: 'PTR', answers: [node] },
  ]
  for (const { name, type, answers } of cases) {
    const reply = ask(plan, { name, type })
    t.same(reply.questions, [{ name, type, class: 'IN' }])
    t.same(
      reply.answers.map(line),
      answers.map((data) => `${name} ${type} ${data}`),
    )
  }
  t.end()
})

t.test('wildcards cover names below them unless a closer name exists (RFC 4592 §2.2.1, §3.3)', (t) => {
  const apps = 'apps.ocp45.example.localdomain'
  const cases = [
    { name: `a.${apps}`, rcode: 'NOERROR', answers: ['172.16.0.111'] },
    { name: `a.b.c.${apps}`, rcode: 'NOERROR', answers: ['172.16.0.111'] },
    { name: apps, rcode: 'NOERROR', answers: [], rule: 'the wildcard does not match its own parent' },
    { name: `*.${apps}`, rcode: 'NOERROR', answers: ['172.16.0.111'], rule: 'the asterisk can be asked for' },
    {
      name: `a.*.${apps}`,
      rcode: 'NXDOMAIN',
      answers: [],
      rule: 'the asterisk itself is the closest encloser',
    },
    { name: `own.${apps}`, rcode: 'NOERROR', answers: ['172.16.0.54'], rule: 'a name that exists is itself' },
    { name: `a.own.${apps}`, rcode: 'NXDOMAIN', answers: [], rule: 'names below it are not the wildcard’s' },
    { name: `deep.${apps}`, rcode: 'NOERROR', answers: [], rule: 'an empty non-terminal exists' },
    { name: `y.deep.${apps}`, rcode: 'NXDOMAIN', answers: [], rule: 'and blocks as well' },
  ]
  for (const { name, rcode, answers, rule } of cases) {
    const reply = ask(plan, { name })
    t.equal(reply.rcode, rcode, rule ?? name)
    t.same(
      reply.answers.map(line),
      answers.map((data) => `${name} A ${data}`),
      rule ?? name,
    )
  }
  t.end()
})

t.test('negative answers have the SOA record of their zone for names of any length (RFC 2308 §2)', (t) => {
  const cases = [
    { name: 'example.localdomain', type: 'TXT', rcode: 'NOERROR', zone: 'example.localdomain' },
    { name: node, type: 'AAAA', rcode: 'NOERROR', zone: 'example.localdomain' },
    {
      name: `${'long.'.repeat(30)}apps.ocp45.example.localdomain`,
      type: 'MX',
      rcode: 'NOERROR',
      zone: 'example.localdomain',
    },
    { name: 'nobody.example.localdomain', type: 'A', rcode: 'NXDOMAIN', zone: 'example.localdomain' },
    { name: `${'a.'.repeat(100)}${node}`, type: 'A', rcode: 'NXDOMAIN', zone: 'example.localdomain' },
    { name: '200.0.16.172.in-addr.arpa', type: 'PTR', rcode: 'NXDOMAIN', zone: '0.16.172.in-addr.arpa' },
    { name: 'what.invalid', type: 'A', rcode: 'NXDOMAIN', zone: 'invalid' },
  ]
  for (const { name, type, rcode, zone } of cases) {
    const reply = ask(plan, { name, type })
    t.match(reply, { rcode, flag_aa: true, answers: [] }, name)
    t.match(
      reply.authorities,
      [{ name: zone, type: 'SOA', data: { minimum: zone === 'invalid' ? 10_800 : 3600 } }],
      name,
    )
    if (zone !== 'invalid') {
      const data = { mname: 'ns1.example.localdomain', rname: 'root.example.localdomain' }
      t.match(reply.authorities, [{ data }], `${name}: names inside the SOA are whole`)
    }
  }
  t.end()
})

t.test('local names are not forwarded (RFC 6761 §6.3, RFC 6303 §4)', (t) => {
  t.same(ask(plan, { name: 'localhost' }).answers.map(line), ['localhost A 127.0.0.1'])
  t.same(ask(plan, { name: 'a.localhost', type: 'AAAA' }).answers.map(line), ['a.localhost AAAA ::1'])
  t.same(ask(plan, { name: '1.0.0.127.in-addr.arpa', type: 'PTR' }).answers.map(line), [
    '1.0.0.127.in-addr.arpa PTR localhost',
  ])
  t.end()
})

t.test('names have IPv4 and IPv6 addresses', (t) => {
  t.same(ask(plan, { name: 'dual.example.localdomain', type: 'AAAA' }).answers.map(line), [
    'dual.example.localdomain AAAA 2001:db8:0:1::53',
  ])
  const name = '3.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'
  t.same(ask(plan, { name, type: 'PTR' }).answers.map(line), [`${name} PTR dual.example.localdomain`])
  t.end()
})

t.test('each of several addresses comes first for some ids', (t) => {
  const firstOf = (id: number) => ask(plan, { name: 'two.example.localdomain', id }).answers[0]?.data
  t.equal(firstOf(2), '172.16.0.51')
  t.equal(firstOf(3), '172.16.0.52')
  t.end()
})

t.test('ANY gets one RRset (RFC 8482 §4.1)', (t) => {
  t.same(ask(plan, { name: 'dual.example.localdomain', type: 'ANY' }).answers.map(line), [
    'dual.example.localdomain A 172.16.0.53',
  ])
  t.same(ask(plan, { name: 'apps.ocp45.example.localdomain', type: 'ANY' }).answers, [])
  t.end()
})

t.test('captured queries of real clients are answered', (t) => {
  const served = planOf(
    guideModel((site) => site.hosts.push({ name: 'i1.example.localdomain', address: '172.16.0.61' })),
  )
  for (const client of ['dig', 'busybox']) {
    const result = askOctets(served, hexFixture(`dns/${client}`))
    const reply = dnsPacket.decode(result.kind === 'reply' ? result.octets : new Uint8Array(12))
    t.same(reply.answers.map(line), ['61.0.16.172.in-addr.arpa PTR i1.example.localdomain'], client)
    t.equal(reply.additionals.length, client === 'dig' ? 1 : 0, `${client}: EDNS as it was asked`)
  }
  t.end()
})
