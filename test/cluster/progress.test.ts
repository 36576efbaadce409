import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { apiPaths } from '../../src/cluster/objects.ts'
import { trackedClusters, trackProgress } from '../../src/cluster/progress.ts'
import { buildModel } from '../../src/plan/model.ts'
import { createSessions } from '../../src/cluster/session.ts'
import { createLog } from '../../src/host/log.ts'
import { declaredCluster, declaredSite } from '../support/cluster.ts'
import { versionInfo } from '../support/api-shapes.ts'
import * as objects from '../support/cluster-objects.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { progressRig, ready, settle, stages, start } from '../support/progress.ts'

const log = createLog('error', { write() {} })
const second = 1000
const minute = 60 * second
const refused = '/version does not exist'
const { condition, nodeObject } = objects
const complete = objects.bootstrapConfigMap('complete')
const installed = objects.clusterVersion(
  ...[condition('Available'), condition('Failing', 'False'), condition('Progressing', 'False')],
)
const moved = objects.etcd(condition('EtcdBootstrapMemberRemoved'))
const settled = objects.clusterOperator('dns', condition('Progressing', 'False'))

t.test('tracks all stages from the first request to settled operators, also over a restart', async (t) => {
  const rig = progressRig(t)
  const { api, pass, clock } = rig
  const progress = await rig.track()
  t.same(stages(progress), [
    ...[
      'API under-way 0',
      'bootstrap ahead',
      'etcd ahead',
      'nodes ahead',
      'version ahead',
      'operators ahead',
    ],
  ])
  t.match(progress.reports(), [
    {
      cluster: 'c1',
      trouble: refused,
      stages: [{ missing: [refused] }],
      members: [{ node: 'c1/m1', state: 'unknown' }, { state: 'unknown' }],
    },
  ])
  t.same(api.followed(), [], 'reads nothing else before the API answers')

  await pass(6 * minute - second)
  api.objects.set('/version', versionInfo)
  await pass(second)
  t.same(stages(progress), [
    ...['API reached 0-6', 'bootstrap under-way 6', 'etcd ahead'],
    ...['nodes under-way 6', 'version under-way 6', 'operators ahead'],
  ])
  t.equal(progress.reports()[0]!.stages[0]!.note, 'v1.30.4')
  t.equal(progress.reports()[0]!.trouble, undefined)
  t.equal(progress.reports()[0]!.pendingRequests, undefined, 'not known before the first list')
  const { bootstrapConfigMap, nodes, signingRequests, clusterVersion, clusterOperators, etcd } = apiPaths
  t.same(
    new Set(api.followed()),
    new Set([bootstrapConfigMap, nodes, signingRequests, clusterVersion, clusterOperators]),
  )

  api.sendList(bootstrapConfigMap, [])
  api.sendList(nodes, [
    nodeObject('m1', [
      condition('Ready', 'False', { message: 'no CNI', lastTransitionTime: '2026-01-01T12:05:00Z' }),
    ]),
  ])
  api.sendList(signingRequests, [
    objects.signingRequest('csr-1', [condition('Approved')]),
    objects.signingRequest('csr-2', [], 'system:node:w1'),
  ])
  api.sendList(clusterVersion, [
    objects.clusterVersion(condition('Progressing', 'True', { message: 'Working towards 4.17.3' })),
  ])
  api.sendList(clusterOperators, [objects.clusterOperator('console', condition('Available', 'False'))])
  await pass(second)
  const [report] = progress.reports()
  t.same(
    report!.stages.map(({ missing }) => missing),
    [
      [],
      ['the ConfigMap bootstrap in kube-system does not have status: complete'],
      [],
      [
        'm1: not Ready: no CNI',
        'w1: has not registered',
        'certificate requests waiting for approval: csr-2 of w1',
      ],
      ['Working towards 4.17.3', 'operators not available: console'],
      [],
    ],
  )
  t.equal(report!.pendingRequests, 1)
  t.same(report!.members, [
    {
      node: 'c1/m1',
      state: 'not-ready',
      code: 'cluster.node-not-ready',
      since: start + 5 * minute,
      reason: 'no CNI',
    },
    { node: 'c1/w1', state: 'absent', code: 'cluster.node-not-registered' },
  ])
  t.same(rig.calls.slice(-2), ['c1/m1 present', 'c1/w1 absent'])

  await pass(14 * minute - second)
  api.sendEvent(bootstrapConfigMap, 'ADDED', complete)
  await pass(second)
  t.match(stages(progress).slice(1, 3), [/^bootstrap reached 6-20/, /^etcd under-way 20/])
  t.notOk(api.followed().includes(bootstrapConfigMap), 'it is no longer followed')

  await progress.close()
  t.equal(clock.pending(), 0)
  t.same(api.followed(), [], 'nothing is followed after it was closed')
  const restarted = await rig.track()
  t.match(stages(restarted).slice(0, 4), [
    /^API reached 0-6$/,
    /^bootstrap reached 6-20/,
    /^etcd under-way 20/,
    'nodes under-way 6',
  ])
  api.sendList(etcd, [moved])
  api.sendList(nodes, [ready('m1'), ready('w1')])
  api.sendList(signingRequests, [])
  api.sendList(clusterVersion, [installed])
  api.sendList(clusterOperators, [objects.clusterOperator('dns', condition('Progressing'))])
  await pass(10 * minute)
  t.match(stages(restarted).slice(-4), [
    /^etcd reached/,
    /^nodes reached/,
    /^version reached/,
    /^operators under-way/,
  ])
  api.sendList(clusterOperators, [
    objects.clusterOperator(
      'dns',
      condition('Progressing', 'False', { lastTransitionTime: new Date(clock.now()).toISOString() }),
    ),
  ])
  await pass(30 * second)
  t.match(stages(restarted).at(-1), /^operators under-way/)
  await pass(10 * second)
  t.match(stages(restarted).at(-1), /^operators reached/, 'by time alone')
  t.same(new Set(api.followed()), new Set([nodes, signingRequests]), 'nodes stay followed')
  t.equal(clock.pending(), 0, 'and nothing is evaluated without a reason')

  api.sendEvent(nodes, 'MODIFIED', nodeObject('w1.c1.example.net', [condition('Ready', 'Unknown')]))
  await pass(second)
  t.match(restarted.reports()[0]!.members, [
    { state: 'ready', since: start + 30 * minute },
    { state: 'not-ready' },
  ])
  t.match(stages(restarted)[3], /^nodes reached/, 'a reached stage stays reached')
  await restarted.close()
})

t.test('a stage that is reached at first has no time', async (t) => {
  const rig = progressRig(t)
  const { api, pass } = rig
  api.objects.set('/version', versionInfo)
  const progress = await rig.track()
  api.sendList(apiPaths.bootstrapConfigMap, [complete])
  api.sendList(apiPaths.nodes, [ready('m1'), ready('w1')])
  api.sendList(apiPaths.signingRequests, [])
  api.sendList(apiPaths.clusterVersion, [installed])
  api.sendList(apiPaths.clusterOperators, [settled])
  await pass(second)
  api.sendList(apiPaths.etcd, [moved])
  await pass(second)
  t.same(
    stages(progress),
    ['API', 'bootstrap', 'etcd', 'nodes', 'version', 'operators'].map((name) => `${name} reached ?-?`),
  )
  await progress.close()
})

t.test('another installation starts another record', async (t) => {
  const rig = progressRig(t)
  const { api, pass } = rig
  api.objects.set('/version', versionInfo)
  const progress = await rig.track()
  t.match(stages(progress)[0], 'API reached ?-?')
  api.objects.delete('/version')
  await pass(3 * minute)
  progress.restart('c9')
  progress.restart('c1')
  await settle()
  t.same(stages(progress).slice(0, 2), ['API under-way 3', 'bootstrap ahead'])
  api.objects.set('/version', versionInfo)
  await pass(minute)
  t.match(stages(progress)[0], /^API reached 3-3\.08/)
  await progress.close()
  const restarted = await rig.track()
  t.match(stages(restarted)[0], /^API reached 3-3\.08/)
  await restarted.close()
})

t.test(
  'does not wait longer than five minutes for a release that does not report the etcd member',
  async (t) => {
    const rig = progressRig(t)
    const { api, pass } = rig
    const progress = await rig.track()
    await pass(second)
    api.objects.set('/version', versionInfo)
    await pass(5 * second)
    api.sendList(apiPaths.bootstrapConfigMap, [complete])
    await pass(second)
    api.sendList(apiPaths.etcd, [])
    await pass(5 * minute - 10 * second)
    t.match(stages(progress)[2], /^etcd under-way/)
    await pass(20 * second)
    t.match(progress.reports()[0]!.stages[2], {
      state: 'reached',
      note: 'this release does not report whether the member was removed',
    })
    await progress.close()
  },
)

t.test('a reload keeps what is known, and releases what is not needed', async (t) => {
  const rig = progressRig(t)
  const { api, pass, declared } = rig
  api.objects.set('/version', versionInfo)
  const progress = await rig.track()
  api.sendList(apiPaths.nodes, [ready('m1'), ready('w2')])
  await pass(second)
  const paths = api.followed()
  progress.swap([declared({}, ['m1', 'w2'])])
  t.same(
    progress.reports()[0]!.members.map(({ node, state }) => `${node} ${state}`),
    ['c1/m1 ready', 'c1/w2 ready'],
    'new nodes are known at once',
  )
  t.same(api.followed(), paths, 'nothing is read again')
  t.same(rig.calls.slice(-2), ['c1/m1 present', 'c1/w2 present'])

  progress.swap([declared({ session: rig.openSession() })])
  t.equal(progress.reports()[0]!.members[0]!.state, 'unknown', 'another session is another cluster')
  await pass(second)
  progress.swap([])
  await pass(second)
  t.same([api.followed(), rig.clock.pending()], [[], 0])
  await progress.close()
})

t.test('a reload before the API answers continues', async (t) => {
  const rig = progressRig(t)
  const progress = await rig.track()
  progress.swap([rig.declared({}, ['m1'])])
  await rig.pass(5 * second)
  rig.api.objects.set('/version', versionInfo)
  await rig.pass(5 * second)
  t.match(stages(progress)[0], /^API reached/)
  t.match(rig.calls, [])
  await progress.close()
  const asked = await rig.track()
  await asked.close()
  await settle()
  t.equal(rig.clock.pending(), 0)
})

t.test('tracks every cluster of a site, with its members and the stages of its bootstrap', (t) => {
  const cluster = declaredCluster()
  const [m1, w1] = cluster.nodes
  const bs = { ...w1!, name: 'bs', role: 'bootstrap' as const }
  const facts = { images: new Map(), ignition: new Map(), loaders: new Map() }
  const sessions = createSessions({ clusters: [cluster], clock: fakeClock(), log })
  const followed = (nodes: (typeof bs)[] | typeof cluster.nodes) =>
    trackedClusters(buildModel({ ...declaredSite(), clusters: [{ ...cluster, nodes }] }, facts), sessions)[0]!
  const [withBootstrap, without] = [followed([bs, m1!, w1!]), followed(cluster.nodes)]
  t.same(
    withBootstrap.members.map(({ key }) => key),
    ['c1/m1', 'c1/w1'],
  )
  t.equal(withBootstrap.stages.length, 6)
  t.equal(without.stages.length, 4)
  sessions.swap([])
  const model = buildModel(declaredSite(), facts)
  t.same(trackedClusters(model, sessions), [], 'a cluster without a session')
  t.end()
})

t.test('reports many members in slices of 10 ms, and counts them as reported at the end', async (t) => {
  const { api, clock, session, declared, directory } = progressRig(t)
  const names = Array.from({ length: 35 }, (_, index) => `w${index}`)
  const perTurn: number[] = []
  let turn = 0
  api.objects.set('/version', versionInfo)
  const progress = await trackProgress({
    clusters: [declared({ session }, names)],
    directory,
    clock,
    log,
    onMember() {
      perTurn[turn] = (perTurn[turn] ?? 0) + 1
      clock.advance(1)
    },
  })
  await settle()
  api.sendList(apiPaths.nodes, [])
  clock.advance(200)
  t.equal(progress.hasReported('c1/w0'), false, 'while the report is in progress')
  for (turn = 1; turn < 10; turn++) await setImmediate()
  t.same(
    perTurn.filter((count) => count > 0),
    [10, 10, 10, 5],
  )
  t.same([progress.hasReported('c1/w34'), progress.hasReported('c1/w35')], [true, false])
  await progress.close()
})
