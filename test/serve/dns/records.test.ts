/** Aliases, services, texts and delegations, as clients get them. */
import t from 'tap'
import { guideModel } from '../../plan/dns/guide.ts'
import { dnsPacket, type DecodedRecord } from '../../support/dns-packet.ts'
import { ask, askOctets, encode, line, planOf } from './ask.ts'

const zone = 'example.localdomain'
const apps = `apps.ocp45.${zone}`
const long = `${'long '.repeat(60)}text, ${'ü'.repeat(100)}`
const plan = planOf(
  guideModel((site) => {
    site.dns['records'] = [
      { name: `git.${zone}`, address: ['172.16.0.60', '172.16.0.61', '2001:db8::60'] },
      { name: `scm.${zone}`, cname: `git.${zone}` },
      { name: `old.${zone}`, cname: `scm.${zone}` },
      { name: `*.dev.${zone}`, cname: `git.${zone}` },
      { name: `real.dev.${zone}`, txt: 'here' },
      { name: `console.${zone}`, cname: `x.${apps}` },
      { name: `back.${zone}`, cname: '21.0.16.172.in-addr.arpa' },
      { name: `loop.${zone}`, cname: `pool.${zone}` },
      { name: `pool.${zone}`, cname: `loop.${zone}` },
      { name: `gone.${zone}`, cname: 'www.example.org' },
      { name: `own.${apps}`, cname: `git.${zone}` },
      { name: `_git._tcp.${zone}`, srv: [{ target: `git.${zone}`, port: 9418, priority: 1, weight: 5 }] },
      { name: `mail.${zone}`, mx: [{ target: `git.${zone}` }, { target: 'mx.example.org', preference: 20 }] },
      {
        name: `ca.${zone}`,
        caa: [
          { tag: 'issue', value: 'ca.example.org', critical: true },
          { tag: 'iodef', value: 'mailto:a@example.org' },
        ],
      },
      { name: `txt.${zone}`, txt: ['one', long] },
      { name: `lab2.${zone}`, ns: [`ns.lab2.${zone}`, 'ns.example.org'] },
      { name: `ns.lab2.${zone}`, address: '172.16.0.62' },
    ]
  }),
)
const lines = (records: readonly DecodedRecord[]) => records.map(line)

t.test('an alias is answered with its target for every type (RFC 1034 §4.3.2 step 3a)', (t) => {
  const soa = [`${zone} SOA 3600`]
  const cases = [
    {
      name: `scm.${zone}`,
      type: 'AAAA',
      answers: [`scm.${zone} CNAME git.${zone}`, `git.${zone} AAAA 2001:db8::60`],
    },
    {
      name: `old.${zone}`,
      type: 'AAAA',
      answers: [
        `old.${zone} CNAME scm.${zone}`,
        `scm.${zone} CNAME git.${zone}`,
        `git.${zone} AAAA 2001:db8::60`,
      ],
    },
    { name: `old.${zone}`, type: 'CNAME', answers: [`old.${zone} CNAME scm.${zone}`] },
    { name: `old.${zone}`, type: 'ANY', answers: [`old.${zone} CNAME scm.${zone}`] },
    {
      name: `scm.${zone}`,
      type: 'TXT',
      answers: [`scm.${zone} CNAME git.${zone}`],
      authority: soa,
    },
    {
      name: `a.b.dev.${zone}`,
      type: 'AAAA',
      answers: [`a.b.dev.${zone} CNAME git.${zone}`, `git.${zone} AAAA 2001:db8::60`],
    },
    { name: `a.dev.${zone}`, type: 'MX', answers: [`a.dev.${zone} CNAME git.${zone}`], authority: soa },
    { name: `real.dev.${zone}`, type: 'A', answers: [], authority: soa },
    {
      name: `console.${zone}`,
      type: 'A',
      answers: [`console.${zone} CNAME x.${apps}`, `x.${apps} A 172.16.0.111`],
    },
    {
      name: `back.${zone}`,
      type: 'PTR',
      answers: [
        `back.${zone} CNAME 21.0.16.172.in-addr.arpa`,
        `21.0.16.172.in-addr.arpa PTR m1.ocp45.${zone}`,
      ],
    },
    { name: `own.${apps}`, type: 'TXT', answers: [`own.${apps} CNAME git.${zone}`], authority: soa },
    { name: `gone.${zone}`, type: 'A', answers: [`gone.${zone} CNAME www.example.org`] },
    {
      name: `loop.${zone}`,
      type: 'A',
      answers: [`loop.${zone} CNAME pool.${zone}`, `pool.${zone} CNAME loop.${zone}`],
    },
  ]
  for (const { name, type, answers, authority = [] } of cases) {
    const reply = ask(plan, { name, type })
    t.match(reply, { rcode: 'NOERROR', flag_aa: true }, `${name} ${type}`)
    t.same(lines(reply.answers), answers, `${name} ${type}`)
    t.same(lines(reply.authorities), authority, `${name} ${type}: authority`)
  }
  const firsts = [0, 1].map((id) => ask(plan, { name: `a.dev.${zone}`, id }).answers[1]?.data)
  t.same(firsts, ['172.16.0.60', '172.16.0.61'], 'addresses take turns behind an alias too')
  t.equal(ask(plan, { name: `x.own.${apps}` }).rcode, 'NXDOMAIN', 'an alias under apps blocks the wildcard')
  t.end()
})

t.test('SRV answers have the addresses of their targets, uncompressed (RFC 2782)', (t) => {
  const query = encode({ name: `_git._tcp.${zone}`, type: 'SRV' })
  const reply = ask(plan, { name: `_git._tcp.${zone}`, type: 'SRV' })
  t.match(reply.answers, [
    { type: 'SRV', data: { priority: 1, weight: 5, port: 9418, target: `git.${zone}` } },
  ])
  t.same(lines(reply.additionals), [
    `git.${zone} A 172.16.0.60`,
    `git.${zone} A 172.16.0.61`,
    `git.${zone} AAAA 2001:db8::60`,
  ])
  const result = askOctets(plan, query)
  const text = result.kind === 'reply' ? Buffer.from(result.octets).toString('hex') : ''
  const target =
    '03676974' +
    '07' +
    Buffer.from('example').toString('hex') +
    '0b' +
    Buffer.from('localdomain').toString('hex')
  t.match(text, `0001000524ca${target}00`)
  t.end()
})

t.test('MX answers have the addresses of their targets in this site (RFC 1035 §3.3.9)', (t) => {
  const reply = ask(plan, { name: `mail.${zone}`, type: 'MX' })
  t.match(reply.answers, [
    { type: 'MX', data: { preference: 10, exchange: `git.${zone}` } },
    { type: 'MX', data: { preference: 20, exchange: 'mx.example.org' } },
  ])
  t.same(lines(reply.additionals), [
    `git.${zone} A 172.16.0.60`,
    `git.${zone} A 172.16.0.61`,
    `git.${zone} AAAA 2001:db8::60`,
  ])
  t.end()
})

t.test('CAA answers have the flags, the tag, and the value (RFC 8659 §4.1)', (t) => {
  const reply = ask(plan, { name: `ca.${zone}`, type: 'CAA' })
  t.match(reply.answers, [
    { type: 'CAA', data: { flags: 128, tag: 'issue', value: 'ca.example.org' } },
    { type: 'CAA', data: { flags: 0, tag: 'iodef', value: 'mailto:a@example.org' } },
  ])
  t.end()
})

t.test('a long text is one record of several strings (RFC 1035 §3.3.14)', (t) => {
  const { answers } = ask(plan, { name: `txt.${zone}`, type: 'TXT' }, { transport: 'tcp' })
  const texts = answers.map(({ data }) => data as Buffer[])
  t.same(
    texts.map((strings) => Buffer.concat(strings).toString()),
    ['one', long],
  )
  t.same(
    texts.map((strings) => strings.map((string) => string.length)),
    [[3], [255, 251]],
  )
  t.end()
})

t.test('names of a delegated zone get a referral (RFC 1034 §4.3.2 step 3b)', (t) => {
  const referral = {
    rcode: 'NOERROR',
    flag_aa: false,
    answers: [],
    authorities: [
      { name: `lab2.${zone}`, type: 'NS', data: `ns.lab2.${zone}` },
      { name: `lab2.${zone}`, type: 'NS', data: 'ns.example.org' },
    ],
    additionals: [{ name: `ns.lab2.${zone}`, type: 'A', data: '172.16.0.62' }],
  }
  for (const name of [`lab2.${zone}`, `a.lab2.${zone}`, `ns.lab2.${zone}`, `a.b.c.LAB2.${zone}`]) {
    const reply = ask(plan, { name, flags: 0 })
    const lower = JSON.parse(JSON.stringify(reply).toLowerCase()) as Record<string, unknown>
    t.match(lower, JSON.parse(JSON.stringify(referral).toLowerCase()), `${name}, without recursion`)
    t.match(
      ask(plan, { name }, { mayForward: false }),
      { flag_aa: false, answers: [] },
      `${name}, an undeclared client`,
    )
    t.match(askOctets(plan, encode({ name })), { kind: 'forward' }, `${name}, recursion desired`)
  }
  const signer = ask(plan, { name: `lab2.${zone}`, type: 'DS' })
  t.match(signer, { rcode: 'NOERROR', flag_aa: true, answers: [] }, 'DS is the parent’s (RFC 4035 §3.1.4.1)')
  t.same(lines(signer.authorities), [`${zone} SOA 3600`])
  t.equal(askOctets(plan, encode({ name: `lab2.${zone}`, flags: 0 })).kind, 'reply')
  t.match(askOctets(plan, encode({ name: `lab2.${zone}`, flags: 0 })), { outcome: 'referred' })
  t.equal(dnsPacket.decode(new Uint8Array(askReply(`ns1.${zone}`))).flag_aa, true, 'names beside it are ours')
  t.end()
})

t.test('a delegated zone is forwarded to its resolvers, else referred', (t) => {
  const planFor = (zone: string, servers: string[]) =>
    planOf(
      guideModel((site) => {
        site.dns['forward'] = []
        site.dns['forwardZones'] = [{ zone, servers }]
        site.dns['records'] = [{ name: 'lab2.example.localdomain', ns: ['ns.example.org'] }]
      }),
    )
  const query = encode({ name: `a.lab2.${zone}` })
  const own = askOctets(planFor(`lab2.${zone}`, ['172.16.0.62']), query)
  t.match(own, { kind: 'forward', request: { resolvers: [{ address: '172.16.0.62', port: 53 }] } })
  t.match(askOctets(planFor('corp.example', ['10.0.0.53']), query), { kind: 'reply', outcome: 'referred' })
  t.end()
})

function askReply(name: string): Uint8Array {
  const result = askOctets(plan, encode({ name }))
  return result.kind === 'reply' ? result.octets : new Uint8Array()
}
