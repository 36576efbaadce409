import t from 'tap'
import type { Applied } from '../../../src/serve/haproxy/apply.ts'
import { addressProblems, changeProblems, serverProblems } from '../../../src/serve/haproxy/problems.ts'
import type { ServerState } from '../../../src/serve/haproxy/servers.ts'

const state = (applied: Applied) => ({ applied, servers: [], out: [] })

const changes: readonly { applied: Applied; problems: readonly { code: string; text: string }[] }[] = [
  {
    applied: { outcome: 'refused', code: 'haproxy.config-rejected', reason: 'line 3: unknown keyword' },
    problems: [
      {
        code: 'haproxy.config-rejected',
        text: 'HAProxy rejected the new configuration and keeps the previous one: line 3: unknown keyword',
      },
    ],
  },
  {
    applied: { outcome: 'unwritable', code: 'haproxy.file-not-writable', reason: 'ENOSPC' },
    problems: [
      {
        code: 'haproxy.file-not-writable',
        text: 'the new HAProxy configuration cannot be written; HAProxy keeps the previous one: ENOSPC',
      },
    ],
  },
  {
    applied: { outcome: 'reload failed' },
    problems: [
      {
        code: 'server.haproxy-not-applied',
        text: 'HAProxy reload failed; the previous configuration is restored: see the log',
      },
    ],
  },
  {
    applied: { outcome: 'written', reason: 'not running' },
    problems: [{ code: 'server.haproxy-not-applied', text: 'haproxy, written: not running' }],
  },
  ...(['none', 'unchanged', 'written', 'told', 'reloaded'] as const).map((outcome) => ({
    applied: { outcome },
    problems: [],
  })),
]

for (const { applied, problems } of changes) {
  t.test(`the last change is a problem with the code of its log line: ${applied.outcome}`, (t) => {
    t.same(changeProblems(state(applied)), problems)
    t.end()
  })
}

t.test('a change that does not end is a problem', (t) => {
  t.match(changeProblems({ ...state({ outcome: 'none' }), isChanging: true }), [
    { code: 'haproxy.change-in-progress' },
  ])
  t.end()
})

t.test('a server that should be up is a problem, and so is an HAProxy that does not report', (t) => {
  const down: ServerState = {
    node: 'ocp45/m1',
    backend: 'kubeapi',
    server: 'm1',
    status: 'DOWN',
    connections: 0,
    isUp: false,
    isTested: true,
    isBackup: false,
    isExpected: true,
    isOut: false,
    isLeaving: false,
    sentence: 'kubeapi m1 DOWN',
  }
  const fine = [{ isUp: true }, { isTested: false }, { isOut: true }, { isExpected: false }]
  const servers = [down, ...fine.map((each) => ({ ...down, ...each }))]
  t.same(serverProblems({ ...state({ outcome: 'none' }), servers }), [
    { code: 'haproxy.server-down', text: 'kubeapi m1 DOWN' },
  ])
  t.same(serverProblems({ ...state({ outcome: 'none' }), unreachable: 'HAProxy does not respond' }), [
    { code: 'haproxy.state-unavailable', text: 'HAProxy does not respond' },
  ])
  t.end()
})

t.test('an address that no interface of this machine has is a problem, unless keepalived shares it', (t) => {
  const frontend = { name: 'kubeapi', service: 'kubeapi', routes: [] } as const
  const plan = {
    frontends: [
      { ...frontend, binds: ['192.0.2.3:6443', '[2001:db8::3]:6443'] },
      { ...frontend, binds: ['192.0.2.3:22623', '192.0.2.4:22623 interface ens4', '*:22623', '[::]:9 v4v6'] },
    ],
    healthPort: undefined,
  }
  const missing = ['192.0.2.4', '2001:db8::3', '*', '::']
  const isPresent = (address: string) => !missing.includes(address)
  t.same(
    addressProblems(plan, isPresent),
    ['2001:db8::3', '192.0.2.4'].map((address) => ({
      code: 'haproxy.address-missing',
      text: `HAProxy cannot listen on ${address}, because no interface of this machine has it: add it to one, or set loadBalancer.external if another machine has it`,
    })),
  )
  t.same(addressProblems({ ...plan, healthPort: 9444 }, isPresent), [])
  t.end()
})
