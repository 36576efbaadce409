import t from 'tap'
import { compileHaproxy } from '../../../src/plan/haproxy/compile.ts'
import type { HaproxyPlan } from '../../../src/plan/haproxy/plan.ts'
import {
  hasConnections,
  findDraining,
  drainTimeoutMs,
  slotsOf,
  withDraining,
  without,
  type DrainingServer,
  membershipChanges,
} from '../../../src/serve/haproxy/draining.ts'
import type { Stat } from '../../../src/serve/haproxy/runtime-api.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

type Changes = { workers?: readonly string[]; haproxy?: object; ingress?: string; infra?: readonly string[] }

/** A site with workers behind `workerhttp` and `workerhttps`; each is a name, with `=` and the end of another address. */
function plan({
  workers = ['w1', 'w2', 'w3'],
  haproxy = {},
  ingress,
  infra = [],
}: Changes = {}): HaproxyPlan {
  const site = exampleSite()
  const cluster = site.clusters[0]!
  if (ingress !== undefined) cluster.loadBalancer.ingress = ingress
  const nodes = (role: string, texts: readonly string[]) =>
    texts.map((text) => {
      const [name = '', end = `3${name.slice(1)}`] = text.replace(' out', '').split('=')
      return {
        name,
        role,
        mac: `00:00:5e:00:53:${end}`,
        address: `192.0.2.${end}`,
        balance: !text.endsWith(' out'),
      }
    })
  cluster.nodes = [...cluster.nodes.slice(0, 2), ...nodes('worker', workers), ...nodes('infra', infra)]
  const section = { file: '/etc/haproxy.cfg', reload: 'true', ...haproxy }
  return compileHaproxy(exampleModel({ ...site, haproxy: section } as typeof site)).plan!
}

const names = (places: readonly { backend: string; server: { name: string } }[]) =>
  places.map(({ backend, server }) => `${backend} ${server.name}`)

const serversOf = ({ backends }: HaproxyPlan, backend: string) =>
  backends
    .find(({ name }) => name === backend)!
    .servers.map(({ name, isOut }) => (isOut ? `${name} out` : name))

const whole = plan()

const cases: readonly { name: string; running?: HaproxyPlan; next: HaproxyPlan; leave: readonly string[] }[] =
  [
    { name: 'none when nothing changed', next: whole, leave: [] },
    {
      name: 'a removed node, from each of its back ends',
      next: plan({ workers: ['w1', 'w3'] }),
      leave: ['workerhttp w2', 'workerhttps w2'],
    },
    {
      name: 'a node that was removed before is not in the site again',
      running: withDraining(
        whole,
        plan({ workers: ['w1', 'w3'] }),
        findDraining(whole, plan({ workers: ['w1', 'w3'] }), [], 0),
      )!,
      next: plan({ workers: ['w1'] }),
      leave: ['workerhttp w2', 'workerhttp w3', 'workerhttps w2', 'workerhttps w3'],
    },
    {
      name: 'a node that gets another address is changed and not drained',
      next: plan({ workers: ['w1', 'w2', 'w3=77'] }),
      leave: [],
    },
    {
      name: 'the site configures no reload',
      next: plan({ workers: ['w1'], haproxy: { reload: undefined } }),
      leave: [],
    },
    {
      name: 'another file is written',
      next: plan({ workers: ['w1'], haproxy: { file: '/other.cfg' } }),
      leave: [],
    },
    {
      name: 'another HAProxy is queried',
      next: plan({ workers: ['w1'], haproxy: { socket: '/other.sock' } }),
      leave: [],
    },
  ]

for (const { name, running = whole, next, leave } of cases) {
  t.test(`draining servers: ${name}`, (t) => {
    t.same(names(findDraining(running, next, [], 5)), leave)
    t.end()
  })
}

t.test('nothing drains when the running plan is not known', (t) => {
  t.same(findDraining(undefined, whole, [], 5), [])
  t.equal(withDraining(undefined, whole, []), undefined)
  t.same(slotsOf(undefined), [])
  t.end()
})

t.test('a draining server keeps its start time', (t) => {
  const next = plan({ workers: ['w1', 'w3'] })
  const first = findDraining(whole, next, [], 5)
  t.same(
    first.map(({ since }) => since),
    [5, 5],
  )
  const running = withDraining(whole, next, first)!
  const second = findDraining(running, plan({ workers: ['w1'] }), first, 9)
  t.same(
    second.map(({ server, since }) => [server.name, since]),
    [
      ['w2', 5],
      ['w3', 9],
      ['w2', 5],
      ['w3', 9],
    ],
  )
  t.same(names(without(second, first)), ['workerhttp w3', 'workerhttps w3'])
  t.same(without(first, second), [])
  t.end()
})

function kept(running: HaproxyPlan, next: HaproxyPlan): HaproxyPlan | undefined {
  return withDraining(running, next, findDraining(running, next, [], 0))
}

t.test('draining servers keep their slots', (t) => {
  const all = plan({ workers: ['w1', 'w2', 'w3', 'w4', 'w5'] })
  const first = kept(all, plan({ workers: ['w3', 'w4'] }))!
  t.same(serversOf(first, 'workerhttp'), ['w1 out', 'w2 out', 'w3', 'w4', 'w5 out'])
  t.same(serversOf(first, 'kubeapi'), ['m1', 'bs'], 'other back ends are as they were')
  const second = kept(first, plan({ workers: ['w4'] }))!
  t.same(serversOf(second, 'workerhttp'), ['w1 out', 'w2 out', 'w3 out', 'w4', 'w5 out'], 'a second reload')
  const third = kept(second, plan({ workers: ['w2', 'w4'] }))!
  t.same(serversOf(third, 'workerhttp'), ['w1 out', 'w2', 'w3 out', 'w4', 'w5 out'], 'one is enabled again')
  t.end()
})

t.test('other servers may be drained and enabled at the same time', (t) => {
  const next = kept(plan({ workers: ['w1', 'w2 out', 'w3'] }), plan({ workers: ['w1 out', 'w2'] }))!
  t.same(serversOf(next, 'workerhttps'), ['w1 out', 'w2', 'w3 out'])
  t.end()
})

t.test('a node that was drained before its removal stays drained', (t) => {
  const next = kept(plan({ workers: ['w1', 'w2 out', 'w3'] }), plan({ workers: ['w1', 'w3'] }))!
  t.same(serversOf(next, 'workerhttp'), ['w1', 'w2 out', 'w3'])
  t.end()
})

const reloads: readonly { name: string; running?: HaproxyPlan; next: HaproxyPlan }[] = [
  { name: 'another node is added', next: plan({ workers: ['w1', 'w2', 'w4'] }) },
  {
    name: 'a new node has the address of the draining one',
    next: plan({ workers: ['w1', 'w2', 'w9=33'] }),
  },
  { name: 'a node moves to another address', next: plan({ workers: ['w1', 'w2=77'] }) },
  { name: 'the order of the remaining nodes changes', next: plan({ workers: ['w2', 'w1'] }) },
  {
    name: 'the back end is removed with its last node',
    running: whole,
    next: { ...whole, backends: whole.backends.slice(0, 2) },
  },
  { name: 'a frontend has another address', next: plan({ workers: ['w1', 'w2'], ingress: '192.0.2.4' }) },
  {
    name: 'the last infra node is removed, so workers are no longer backups',
    running: plan({ infra: ['i1=41'] }),
    next: plan(),
  },
]

for (const { name, running = whole, next } of reloads) {
  t.test(`nothing drains when HAProxy is reloaded anyway: ${name}`, (t) => {
    t.ok(findDraining(running, next, [], 0).length > 0)
    t.equal(kept(running, next), undefined)
    t.end()
  })
}

const removed: readonly DrainingServer[] = findDraining(whole, plan({ workers: ['w1', 'w3'] }), [], 1000)

/** The servers of w2, in both of its back ends. */
function stats(http: Partial<Stat> = {}, https: Partial<Stat> = {}): Stat[] {
  const usual = {
    server: 'w2',
    status: 'DRAIN',
    isTested: true,
    seconds: 1,
    connections: 0,
    reason: '',
  }
  return [
    { ...usual, backend: 'workerhttp', ...http },
    { ...usual, backend: 'workerhttps', ...https },
  ]
}

const endings: readonly { name: string; stats: readonly Stat[] | undefined; at?: number; isLeft: boolean }[] =
  [
    { name: 'one has a connection', stats: stats({}, { connections: 1 }), isLeft: true },
    {
      name: 'one is down and has a connection',
      stats: stats({}, { status: 'DOWN', connections: 1 }),
      isLeft: true,
    },
    { name: 'one still gets connections', stats: stats({ status: 'UP' }), isLeft: true },
    { name: 'one gets connections of known clients', stats: stats({ status: 'NOLB' }), isLeft: true },
    { name: 'both have none', stats: stats(), isLeft: false },
    {
      name: 'both have none, and are not checked',
      stats: stats({ status: 'MAINT' }, { status: 'MAINT' }),
      isLeft: false,
    },
    { name: 'both are down', stats: stats({ status: 'DOWN' }, { status: 'DOWN' }), isLeft: false },
    { name: 'HAProxy does not have them', stats: [], isLeft: false },
    { name: 'HAProxy is unreachable', stats: undefined, isLeft: true },
    {
      name: 'their drain time-out has not expired',
      stats: stats({ connections: 9 }),
      at: 999 + drainTimeoutMs,
      isLeft: true,
    },
    {
      name: 'their drain time-out has expired',
      stats: stats({ connections: 9 }),
      at: 1000 + drainTimeoutMs,
      isLeft: false,
    },
    {
      name: 'HAProxy is unreachable until their drain time-out',
      stats: undefined,
      at: 1000 + drainTimeoutMs,
      isLeft: false,
    },
  ]

for (const { name, stats, at = 2000, isLeft } of endings) {
  t.test(`${isLeft ? 'not removed yet' : 'removed'}: ${name}`, (t) => {
    t.equal(hasConnections(removed, stats, at), isLeft)
    t.end()
  })
}

t.test('draining servers wait for the one that started last', (t) => {
  const [first, second] = removed as [DrainingServer, DrainingServer]
  const later = [first, { ...second, since: 1500 }]
  const busy = stats({ connections: 9 }, { connections: 1 })
  t.equal(hasConnections(later, busy, 1400 + drainTimeoutMs), true)
  t.equal(hasConnections(later, busy, 1500 + drainTimeoutMs), false)
  t.end()
})

const text = `frontend kubeapi
  default_backend kubeapi
backend kubeapi
  server m1 192.0.2.21:6443
  server bs 192.0.2.11:6443 backup
backend machineconfig
  server bs 192.0.2.11:22623 backup disabled
`

const membershipCases = [
  { name: 'nothing', next: text, changes: [] },
  {
    name: 'one is drained in one back end and enabled in another',
    next: text
      .replace('6443 backup', '6443 backup disabled')
      .replace('22623 backup disabled', '22623 backup'),
    changes: [
      { backend: 'kubeapi', server: 'bs', isOut: true },
      { backend: 'machineconfig', server: 'bs', isOut: false },
    ],
  },
  { name: 'an address as well', next: text.replace('.21:6443', '.22:6443 disabled'), changes: undefined },
  { name: 'another server', next: `${text}  server m2 192.0.2.22:22623\n`, changes: undefined },
  {
    name: 'a line that is not a server',
    next: text.replace('default_backend', 'disabled'),
    changes: undefined,
  },
  {
    name: 'a name that ends in "disabled"',
    next: text.replace('server m1 192.0.2.21:6443', 'server disabled 192.0.2.21:6443'),
    changes: undefined,
  },
]

for (const { name, next, changes } of membershipCases) {
  t.test(`two configurations differ in ${name}`, (t) => {
    t.same(membershipChanges(text, next), changes)
    t.end()
  })
}
