import t from 'tap'
import { firewallCheck, isBlocked, parseRuleset } from '../../src/preflight/firewall.ts'
import type { WantedPort } from '../../src/preflight/wanted-ports.ts'
import { runCheck } from '../support/probes.ts'

const http: WantedPort = { service: 'http', transport: 'tcp', address: '192.0.2.2', port: 80 }

const chain = (policy: string, name = 'input', table = 'filter') => ({
  chain: { family: 'inet', table, name, hook: 'input', policy },
})
const rule = (expr: readonly unknown[], name = 'input', table = 'filter') => ({
  rule: { family: 'inet', table, chain: name, expr },
})
const dport = (right: unknown, protocol = 'tcp') => ({
  match: { op: '==', left: { payload: { protocol, field: 'dport' } }, right },
})
const accept = { accept: null }
const established = { match: { left: { ct: { key: 'state' } }, right: ['established'] } }
const onInterface = (right: string) => ({ match: { left: { meta: { key: 'iifname' } }, right } })
const drop = chain('drop')

const cases: readonly { name: string; items: readonly object[]; blocked: boolean }[] = [
  { name: 'an empty ruleset', items: [{ metainfo: {} }], blocked: false },
  { name: 'a policy of accept', items: [chain('accept')], blocked: false },
  { name: 'a policy of drop', items: [drop], blocked: true },
  {
    name: 'a last rule that rejects',
    items: [chain('accept'), rule([{ counter: {} }, { reject: {} }])],
    blocked: true,
  },
  {
    name: 'a rule that drops one source',
    items: [chain('accept'), rule([dport(22), { drop: null }])],
    blocked: false,
  },
  { name: 'a rule for the port', items: [drop, rule([dport(80), accept])], blocked: false },
  { name: 'a rule for the port of UDP', items: [drop, rule([dport(80, 'udp'), accept])], blocked: true },
  { name: 'a rule for both transports', items: [drop, rule([dport(80, 'th'), accept])], blocked: false },
  { name: 'a list of ports', items: [drop, rule([dport({ set: [22, 80] }), accept])], blocked: false },
  { name: 'a range', items: [drop, rule([dport({ range: [79, 81] }), accept])], blocked: false },
  {
    name: 'another range',
    items: [drop, rule([dport({ set: [{ range: [1, 79] }] }), accept])],
    blocked: true,
  },
  {
    name: 'a named set',
    items: [
      drop,
      { set: { family: 'inet', table: 'filter', name: 'web', elem: [{ elem: { val: 80 } }] } },
      rule([dport('@web'), accept]),
    ],
    blocked: false,
  },
  { name: 'an unknown set', items: [drop, rule([dport('@none'), accept])], blocked: true },
  {
    name: 'a rule in a chain of the same table',
    items: [drop, rule([dport(80), accept], 'allow')],
    blocked: false,
  },
  { name: 'a rule of another table', items: [drop, rule([dport(80), accept], 'x', 'other')], blocked: true },
  { name: 'a rule for an interface', items: [drop, rule([onInterface('eth1'), accept])], blocked: false },
  { name: 'the loopback interface', items: [drop, rule([onInterface('lo'), accept])], blocked: true },
  { name: 'known connections', items: [drop, rule([established, accept])], blocked: true },
  {
    name: 'a rule for ping',
    items: [
      drop,
      rule([{ match: { left: { payload: { protocol: 'icmp', field: 'type' } }, right: 'echo' } }, accept]),
    ],
    blocked: true,
  },
  { name: 'an extension of iptables', items: [drop, rule([{ xt: null }, accept])], blocked: false },
  { name: 'a rule in a format that is not known', items: [drop, rule(['?', null])], blocked: true },
]

for (const { name, items, blocked } of cases) {
  t.test(`${name} ${blocked ? 'blocks' : 'does not block'} the port`, (t) => {
    const parsed = parseRuleset(JSON.stringify({ nftables: [...items, { chain: 7 }] }))
    t.equal(isBlocked(parsed ?? [], http), blocked)
    t.end()
  })
}

const nft = (output: object) => ({
  run: () => Promise.resolve({ kind: 'done', ending: '', output: JSON.stringify(output) } as const),
})

t.test('the remedy is the command of the program that wrote the rules', async (t) => {
  const remedy = async (...items: object[]) =>
    (await runCheck(firewallCheck, nft({ nftables: items })))[0]?.remedy
  t.match(
    await remedy(chain('drop', 'filter_INPUT', 'firewalld')),
    /^Run firewall-cmd --permanent --add-port=67\/udp --add-port=69\/udp --add-port=80\/tcp .*, then firewall-cmd --reload$/,
  )
  t.match(
    await remedy(drop, { chain: { family: 'ip', table: 'filter', name: 'ufw-user-input' } }),
    /^Run ufw allow 67\/udp, /,
  )
  t.match(await remedy(drop), /^Add rules such as: udp dport 67 accept; /)
})

t.test('a firewall that cannot be read is a warning, and none is ok', async (t) => {
  const run = (kind: 'missing' | 'failed' | 'done', output: string) => ({
    run: () => Promise.resolve({ kind, ending: 'exit code 1', output }),
  })
  t.match(await runCheck(firewallCheck, run('missing', '')), [{ status: 'ok' }])
  t.match(await runCheck(firewallCheck, run('failed', 'Operation not permitted (you must be root)\nmore')), [
    {
      status: 'warning',
      code: 'preflight.not-checked',
      text: /: Operation not permitted \(you must be root\)$/,
    },
  ])
  t.match(await runCheck(firewallCheck, run('failed', '')), [{ text: /: exit code 1$/ }])
  for (const output of ['', '[]', '{"nftables":7}']) {
    t.match(await runCheck(firewallCheck, run('done', output)), [
      { status: 'warning', text: /not understood/ },
    ])
  }
})
