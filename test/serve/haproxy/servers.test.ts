import t from 'tap'
import { compileHaproxy } from '../../../src/plan/haproxy/compile.ts'
import { serverStates, unverifiedServers } from '../../../src/serve/haproxy/servers.ts'
import type { Stat } from '../../../src/serve/haproxy/runtime-api.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

const site = { ...exampleSite(), haproxy: { file: '/haproxy.cfg' } }
const whole = compileHaproxy(exampleModel(site)).plan!
const plan = { ...whole, backends: whole.backends.filter(({ name }) => name === 'kubeapi') }
const now = Date.UTC(2026, 10, 21, 10, 30)

function state(stat: Partial<Stat>, out: readonly string[] = []) {
  const usual = {
    backend: 'kubeapi',
    server: 'm1',
    status: 'UP',
    isTested: true,
    seconds: 480,
    connections: 3,
    reason: '',
  }
  return serverStates(plan, new Set(out), [], [{ ...usual, ...stat }], now)[0]
}

t.test('returns server states in the order of the backend', (t) => {
  t.same(
    serverStates(plan, new Set(), [], [], now).map(({ node, isBackup }) => ({ node, isBackup })),
    [
      { node: 'ocp45/m1', isBackup: false },
      { node: 'ocp45/bs', isBackup: true },
    ],
  )
  t.same(state({}), {
    node: 'ocp45/m1',
    backend: 'kubeapi',
    server: 'm1',
    status: 'UP',
    isUp: true,
    isTested: true,
    isBackup: false,
    isOut: false,
    isLeaving: false,
    isExpected: true,
    since: Date.UTC(2026, 10, 21, 10, 22),
    connections: 3,
    sentence: 'kubeapi m1 UP since 10:22 UTC',
  })
  t.end()
})

const sentences = [
  {
    stat: { status: 'DOWN', reason: 'connection refused' },
    sentence: 'kubeapi m1 DOWN since 10:22 UTC, connection refused',
  },
  { stat: { status: 'DOWN', seconds: 86_400 }, sentence: 'kubeapi m1 DOWN since 2026-11-20 10:30 UTC' },
  { stat: { status: 'DRAIN' }, sentence: 'kubeapi m1 DRAIN since 10:22 UTC, 3 connections left' },
  {
    stat: { status: 'DRAIN', connections: 1 },
    sentence: 'kubeapi m1 DRAIN since 10:22 UTC, 1 connection left',
  },
  { stat: { status: 'MAINT', reason: 'x' }, sentence: 'kubeapi m1 MAINT since 10:22 UTC, drained' },
  { stat: { isTested: false }, sentence: 'kubeapi m1 UP since 10:22 UTC, not checked yet' },
  { stat: { server: 'm9' }, sentence: 'kubeapi m1 is not in the running configuration of HAProxy' },
]

for (const { stat, sentence } of sentences) {
  t.test(sentence, (t) => {
    t.equal(state(stat)?.sentence, sentence)
    t.end()
  })
}

t.test('servers drained by the site or by a command are marked', (t) => {
  t.equal(state({}, ['ocp45/m1'])?.isOut, true)
  const out = structuredClone(site)
  out.clusters[0]!.nodes[1]!['balance'] = false
  const stat = {
    backend: 'kubeapi',
    server: 'm1',
    status: 'MAINT',
    isTested: true,
    seconds: 1,
    connections: 0,
    reason: '',
  }
  t.equal(serverStates(compileHaproxy(exampleModel(out)).plan!, new Set(), [], [stat], now)[0]?.isOut, true)
  t.end()
})

/** The state of a server of `kubeapi` that was removed from the site. */
function leaving(stat: Partial<Stat> | undefined) {
  const usual = { isTested: true, seconds: 480, connections: 2, reason: 'connection refused' }
  const stats =
    stat === undefined ? [] : [{ backend: 'kubeapi', server: 'm9', ...usual, status: 'UP', ...stat }]
  const server = {
    node: 'ocp45/m9',
    name: 'm9',
    endpoint: '192.0.2.19:6443',
    isBackup: false,
    isOut: false,
  }
  const draining = [
    { backend: 'kubeapi', server, since: 0 },
    { backend: 'workerhttp', server, since: 0 },
    { backend: 'kubeapi', server: { ...server, name: 'm1' }, since: 0 },
  ]
  return serverStates(plan, new Set(), draining, stats, now)
}

t.test('draining servers follow the others; servers added again are among them', (t) => {
  const states = leaving({ status: 'DRAIN' })
  t.same(
    states.map(({ server, isLeaving, isOut }) => [server, isLeaving, isOut]),
    [
      ['m1', false, false],
      ['bs', false, false],
      ['m9', true, true],
    ],
  )
  t.match(states[2], { node: 'ocp45/m9', status: 'DRAIN', connections: 2 })
  t.end()
})

const farewells = [
  {
    name: 'drained',
    stat: { status: 'DRAIN' },
    sentence: 'kubeapi m9 DRAIN since 10:22 UTC, 2 connections left',
  },
  {
    name: 'down with connections',
    stat: { status: 'DOWN' },
    sentence: 'kubeapi m9 DOWN since 10:22 UTC, 2 connections left',
  },
  {
    name: 'without connections, while another one has some',
    stat: { status: 'MAINT', connections: 0 },
    sentence: 'kubeapi m9 MAINT since 10:22 UTC, drained',
  },
  {
    name: 'unknown after HAProxy restarted with another file',
    stat: undefined,
    sentence: 'kubeapi m9 is not in the running configuration of HAProxy',
  },
]

for (const { name, stat, sentence } of farewells) {
  t.test(`a draining server, ${name}`, (t) => {
    t.equal(leaving(stat)[2]?.sentence, sentence)
    t.end()
  })
}

/** `workerhttp/w1 UP`, of a server that was checked; `workerhttp/w1 UP?` of one that was not. */
function stats(...texts: readonly string[]): Stat[] {
  return texts.map((text) => {
    const [, backend = '', server = '', status = '', mark] = /^(\w+)\/(\w+) (\w+)(\?)?$/.exec(text)!
    return { backend, server, status, isTested: mark === undefined, seconds: 0, connections: 0, reason: '' }
  })
}

const cases = [
  {
    name: 'infra nodes that are new, while workers serve',
    before: ['workerhttp/w1 UP', 'workerhttp/w2 UP'],
    after: ['workerhttp/i1 UP?', 'workerhttp/i2 UP?', 'workerhttp/w1 UP?', 'workerhttp/w2 UP?'],
    expected: ['workerhttp/i1', 'workerhttp/i2'],
  },
  {
    name: 'a master that was down before the reload',
    before: ['kubeapi/m1 UP', 'kubeapi/m2 DOWN', 'kubeapi/m3 UP'],
    after: ['kubeapi/m1 UP?', 'kubeapi/m2 UP?', 'kubeapi/m3 UP?'],
    expected: ['kubeapi/m2'],
  },
  {
    name: 'one that was drained and is enabled by a reload',
    before: ['kubeapi/m1 UP', 'kubeapi/m2 MAINT'],
    after: ['kubeapi/m1 UP?', 'kubeapi/m2 UP?'],
    expected: ['kubeapi/m2'],
  },
  {
    name: 'none without a reload: HAProxy checks an enabled server at once',
    before: ['kubeapi/m1 UP', 'kubeapi/m2 MAINT'],
    after: ['kubeapi/m1 UP', 'kubeapi/m2 UP?'],
    expected: [],
  },
  {
    name: 'none that has been checked since the reload, or was already held down',
    before: ['kubeapi/m1 UP', 'kubeapi/m2 DOWN', 'kubeapi/m3 DOWN'],
    after: ['kubeapi/m1 UP?', 'kubeapi/m2 UP', 'kubeapi/m3 DOWN?'],
    expected: [],
  },
  {
    name: 'none where no server was up before: any server is better than none',
    before: ['kubeapi/m1 DOWN', 'workerhttp/w1 UP'],
    after: ['kubeapi/m1 UP?', 'kubeapi/m2 UP?', 'workerhttp/w1 UP?'],
    expected: [],
  },
  {
    name: 'none where the servers that were up are removed or drained',
    before: ['workerhttp/w1 UP', 'workerhttp/w2 UP'],
    after: ['workerhttp/w1 MAINT', 'workerhttp/i1 UP?'],
    expected: [],
  },
  {
    name: 'none of other back ends',
    before: ['theirs/a UP', 'theirs/b DOWN'],
    after: ['theirs/a UP?', 'theirs/b UP?'],
    expected: [],
  },
] as const

function namesOf(before: readonly string[], after: readonly string[], isReloaded: boolean): string[] {
  const own = new Set(['kubeapi', 'workerhttp'])
  const found = unverifiedServers(stats(...before), stats(...after), own, isReloaded)
  return found.map(({ backend, server }) => `${backend}/${server}`)
}

t.test('a reload must be known when all known servers are checked already', (t) => {
  const before = ['kubeapi/m1 UP', 'kubeapi/m2 UP']
  const after = ['kubeapi/m1 UP', 'kubeapi/m4 UP?']
  t.same(namesOf(before, after, true), ['kubeapi/m4'])
  t.same(namesOf(before, after, false), [], 'it may have been put back by telling')
  t.end()
})

for (const { name, before, after, expected } of cases) {
  t.test(name, (t) => {
    t.same(namesOf(before, after, false), expected)
    t.end()
  })
}
