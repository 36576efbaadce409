/** For every name and address of the guide: what its BIND answers for the same question. */
import t from 'tap'
import { exampleModel } from '../../plan/dns/guide.ts'
import { ask, line, planOf } from './ask.ts'

const plan = planOf(exampleModel())

// Question, code, answer section; NODATA and NXDOMAIN come with the zone's SOA.
const table = `
  bs.ocp45.example.localdomain            A    NOERROR  172.16.0.11
  m1.ocp45.example.localdomain            A    NOERROR  172.16.0.21
  m2.ocp45.example.localdomain            A    NOERROR  172.16.0.22
  m3.ocp45.example.localdomain            A    NOERROR  172.16.0.23
  w1.ocp45.example.localdomain            A    NOERROR  172.16.0.31
  w2.ocp45.example.localdomain            A    NOERROR  172.16.0.32
  w3.ocp45.example.localdomain            A    NOERROR  172.16.0.33
  api-int.ocp45.example.localdomain       A    NOERROR  172.16.0.110
  api.ocp45.example.localdomain           A    NOERROR  172.16.0.111
  test.apps.ocp45.example.localdomain     A    NOERROR  172.16.0.111
  console-openshift-console.apps.ocp45.example.localdomain A NOERROR 172.16.0.111
  a.b.apps.ocp45.example.localdomain      A    NOERROR  172.16.0.111
  *.apps.ocp45.example.localdomain        A    NOERROR  172.16.0.111
  bastion.example.localdomain             A    NOERROR  172.16.0.101
  ns1.example.localdomain                 A    NOERROR  172.16.0.102
  ns2.example.localdomain                 A    NOERROR  172.16.0.103
  lb1.example.localdomain                 A    NOERROR  172.16.0.110 172.16.0.111
  lb2.example.localdomain                 A    NOERROR  172.16.0.120 172.16.0.121
  example.localdomain                     NS   NOERROR  ns1.example.localdomain
  0.16.172.in-addr.arpa                   NS   NOERROR  ns1.example.localdomain
  11.0.16.172.in-addr.arpa                PTR  NOERROR  bs.ocp45.example.localdomain
  21.0.16.172.in-addr.arpa                PTR  NOERROR  m1.ocp45.example.localdomain
  22.0.16.172.in-addr.arpa                PTR  NOERROR  m2.ocp45.example.localdomain
  23.0.16.172.in-addr.arpa                PTR  NOERROR  m3.ocp45.example.localdomain
  31.0.16.172.in-addr.arpa                PTR  NOERROR  w1.ocp45.example.localdomain
  32.0.16.172.in-addr.arpa                PTR  NOERROR  w2.ocp45.example.localdomain
  33.0.16.172.in-addr.arpa                PTR  NOERROR  w3.ocp45.example.localdomain
  101.0.16.172.in-addr.arpa               PTR  NOERROR  bastion.example.localdomain
  102.0.16.172.in-addr.arpa               PTR  NOERROR  ns1.example.localdomain
  103.0.16.172.in-addr.arpa               PTR  NOERROR  ns2.example.localdomain
  110.0.16.172.in-addr.arpa               PTR  NOERROR  lb1.example.localdomain api-int.ocp45.example.localdomain
  111.0.16.172.in-addr.arpa               PTR  NOERROR  lb1.example.localdomain api.ocp45.example.localdomain
  m1.ocp45.example.localdomain            AAAA NOERROR
  api.ocp45.example.localdomain           TXT  NOERROR
  test.apps.ocp45.example.localdomain     AAAA NOERROR
  apps.ocp45.example.localdomain          A    NOERROR
  ocp45.example.localdomain               A    NOERROR
  example.localdomain                     A    NOERROR
  21.0.16.172.in-addr.arpa                A    NOERROR
  i1.ocp45.example.localdomain            A    NXDOMAIN
  x.ocp45.example.localdomain             A    NXDOMAIN
  x.m1.ocp45.example.localdomain          A    NXDOMAIN
  apps.example.localdomain                A    NXDOMAIN
  test.apps.example.localdomain           A    NXDOMAIN
  etcd-0.ocp45.example.localdomain        A    NXDOMAIN
  99.0.16.172.in-addr.arpa                PTR  NXDOMAIN
  1.21.0.16.172.in-addr.arpa              PTR  NXDOMAIN
`

for (const row of table.trim().split('\n')) {
  const [name = '', type = '', rcode = '', ...rdata] = row.trim().split(/\s+/)
  t.test(`${name} ${type} is ${rcode} ${rdata.join(' ')}`, (t) => {
    const reply = ask(plan, { name, type, id: 256 }) // 256: the first order of addresses
    const zone = name.endsWith('arpa') ? '0.16.172.in-addr.arpa' : 'example.localdomain'
    t.equal(reply.rcode, rcode)
    t.equal(reply.flag_aa, true)
    t.same(
      reply.answers.map(line),
      rdata.map((data) => `${name} ${type} ${data}`),
    )
    t.same(reply.authorities.map(line), rdata.length > 0 ? [] : [`${zone} SOA 3600`])
    t.equal(
      reply.answers.every((record) => record.ttl === 3600),
      true,
    )
    t.end()
  })
}

t.test("the guide's SOA, field by field", (t) => {
  for (const name of ['example.localdomain', '0.16.172.in-addr.arpa']) {
    t.match(ask(plan, { name, type: 'SOA' }).answers, [
      {
        name,
        ttl: 3600,
        data: {
          mname: 'ns1.example.localdomain',
          rname: 'root.example.localdomain',
          refresh: 3600,
          retry: 900,
          expire: 3_600_000,
          minimum: 3600,
        },
      },
    ])
  }
  t.end()
})

t.test('names outside the site are forwarded or refused, never denied', (t) => {
  for (const name of ['quay.io', 'localdomain', 'xexample.localdomain', '1.124.168.192.in-addr.arpa']) {
    t.throws(() => ask(plan, { name }), { message: 'no reply: forward' }, name)
    t.equal(ask(plan, { name }, { mayForward: false }).rcode, 'REFUSED', name)
  }
  t.end()
})
