import t from 'tap'
import { apiPaths } from '../../src/cluster/objects.ts'
import { followedClusters } from '../../src/cluster/progress.ts'
import { buildModel } from '../../src/plan/model.ts'
import { declaredCluster, declaredSite } from '../support/cluster.ts'
import { versionInfo } from '../support/api-shapes.ts'
import * as objects from '../support/cluster-objects.ts'
import { progressRig, ready, settle, stages, start } from '../support/progress.ts'

const second = 1000
const minute = 60 * second
const refused = '/version is not there'
const { condition, nodeObject } = objects
const complete = objects.bootstrapConfigMap('complete')
const installed = objects.clusterVersion(
  ...[condition('Available'), condition('Failing', 'False'), condition('Progressing', 'False')],
)
const moved = objects.etcd(condition('EtcdBootstrapMemberRemoved'))
const settled = objects.clusterOperator('dns', condition('Progressing', 'False'))

t.test('from the first question to settled operators, stage after stage, and over a restart', async (t) => {
  const rig = progressRig(t)
  const { api, pass, clock } = rig
  const progress = await rig.follow()
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
  t.same(api.followed(), [], 'nothing else is asked before the API answers')

  await pass(6 * minute - second)
  api.objects.set('/version', versionInfo)
  await pass(second)
  t.same(stages(progress), [
    ...['API reached 0-6', 'bootstrap under-way 6', 'etcd ahead'],
    ...['nodes under-way 6', 'version under-way 6', 'operators ahead'],
  ])
  t.equal(progress.reports()[0]!.stages[0]!.note, 'v1.30.4')
  t.equal(progress.reports()[0]!.trouble, undefined)
  t.equal(progress.reports()[0]!.pendingRequests, undefined, 'not known before it is listed')
  const { bootstrapConfigMap, nodes, signingRequests, clusterVersion, clusterOperators, etcd } = apiPaths
  t.same(
    new Set(api.followed()),
    new Set([bootstrapConfigMap, nodes, signingRequests, clusterVersion, clusterOperators]),
  )

  api.say(bootstrapConfigMap, [])
  api.say(nodes, [
    nodeObject('m1', [
      condition('Ready', 'False', { message: 'no CNI', lastTransitionTime: '2026-01-01T12:05:00Z' }),
    ]),
  ])
  api.say(signingRequests, [
    objects.signingRequest('csr-1', [condition('Approved')]),
    objects.signingRequest('csr-2', [], 'system:node:w1'),
  ])
  api.say(clusterVersion, [
    objects.clusterVersion(condition('Progressing', 'True', { message: 'Working towards 4.17.3' })),
  ])
  api.say(clusterOperators, [objects.clusterOperator('console', condition('Available', 'False'))])
  await pass(second)
  const [report] = progress.reports()
  t.same(
    report!.stages.map(({ missing }) => missing),
    [
      [],
      ['the ConfigMap bootstrap in kube-system does not say complete'],
      [],
      [
        'm1: not Ready: no CNI',
        'w1: has not registered',
        'certificate requests that wait for approval: csr-2 of w1',
      ],
      ['Working towards 4.17.3', 'operators not available: console'],
      [],
    ],
  )
  t.equal(report!.pendingRequests, 1)
  t.same(report!.members, [
    { node: 'c1/m1', state: 'not-ready', since: start + 5 * minute, reason: 'no CNI' },
    { node: 'c1/w1', state: 'absent' },
  ])
  t.same(rig.told.slice(-2), ['c1/m1 there', 'c1/w1 absent'])

  await pass(14 * minute - second)
  api.change(bootstrapConfigMap, 'ADDED', complete)
  await pass(second)
  t.match(stages(progress).slice(1, 3), [/^bootstrap reached 6-20/, /^etcd under-way 20/])
  t.notOk(api.followed().includes(bootstrapConfigMap), 'it is not followed any more')

  await progress.close()
  t.equal(clock.pending(), 0)
  t.same([api.followed(), rig.connections()], [[], 0], 'closed, it leaves nothing behind')
  const again = await rig.follow()
  t.match(stages(again).slice(0, 4), [
    /^API reached 0-6$/,
    /^bootstrap reached 6-20/,
    /^etcd under-way 20/,
    'nodes under-way 6',
  ])
  api.say(etcd, [moved])
  api.say(nodes, [ready('m1'), ready('w1')])
  api.say(signingRequests, [])
  api.say(clusterVersion, [installed])
  api.say(clusterOperators, [objects.clusterOperator('dns', condition('Progressing'))])
  await pass(10 * minute)
  t.match(stages(again).slice(-4), [
    /^etcd reached/,
    /^nodes reached/,
    /^version reached/,
    /^operators under-way/,
  ])
  api.say(clusterOperators, [
    objects.clusterOperator(
      'dns',
      condition('Progressing', 'False', { lastTransitionTime: new Date(clock.now()).toISOString() }),
    ),
  ])
  await pass(30 * second)
  t.match(stages(again).at(-1), /^operators under-way/)
  await pass(10 * second)
  t.match(stages(again).at(-1), /^operators reached/, 'by time alone')
  t.same(new Set(api.followed()), new Set([nodes, signingRequests]), 'nodes are followed for ever')
  t.equal(clock.pending(), 0, 'and nothing is looked at without a reason')

  api.change(nodes, 'MODIFIED', nodeObject('w1.c1.example.net', [condition('Ready', 'Unknown')]))
  await pass(second)
  t.match(again.reports()[0]!.members, [
    { state: 'ready', since: start + 30 * minute },
    { state: 'not-ready' },
  ])
  t.match(stages(again)[3], /^nodes reached/, 'what was reached stays so')
  await again.close()
})

t.test('what is reached at the first look was so before: nobody knows since when', async (t) => {
  const rig = progressRig(t)
  const { api, pass } = rig
  api.objects.set('/version', versionInfo)
  const progress = await rig.follow()
  api.say(apiPaths.bootstrapConfigMap, [complete])
  api.say(apiPaths.nodes, [ready('m1'), ready('w1')])
  api.say(apiPaths.signingRequests, [])
  api.say(apiPaths.clusterVersion, [installed])
  api.say(apiPaths.clusterOperators, [settled])
  await pass(second)
  api.say(apiPaths.etcd, [moved])
  await pass(second)
  t.same(
    stages(progress),
    ['API', 'bootstrap', 'etcd', 'nodes', 'version', 'operators'].map((name) => `${name} reached ?-?`),
  )
  await progress.close()
})

t.test('a bootstrap that is installed anew begins the record anew', async (t) => {
  const rig = progressRig(t)
  const { api, pass } = rig
  api.objects.set('/version', versionInfo)
  const progress = await rig.follow()
  t.match(stages(progress)[0], 'API reached ?-?')
  api.objects.delete('/version')
  await pass(3 * minute)
  progress.beginAnew('c9')
  progress.beginAnew('c1')
  await settle()
  t.same(stages(progress).slice(0, 2), ['API under-way 3', 'bootstrap ahead'])
  t.equal(rig.connections(), 1)
  api.objects.set('/version', versionInfo)
  await pass(minute)
  t.match(stages(progress)[0], /^API reached 3-3\.08/)
  await progress.close()
  const again = await rig.follow()
  t.match(stages(again)[0], /^API reached 3-3\.08/)
  await again.close()
})

t.test(
  'a release that says nothing of the member of etcd is not waited for longer than five minutes',
  async (t) => {
    const rig = progressRig(t)
    const { api, pass } = rig
    const progress = await rig.follow()
    await pass(second)
    api.objects.set('/version', versionInfo)
    await pass(5 * second)
    api.say(apiPaths.bootstrapConfigMap, [complete])
    await pass(second)
    api.say(apiPaths.etcd, [])
    await pass(5 * minute - 10 * second)
    t.match(stages(progress)[2], /^etcd under-way/)
    await pass(20 * second)
    t.match(progress.reports()[0]!.stages[2], {
      ...{ state: 'reached', note: 'this release does not say whether the member was removed' },
    })
    await progress.close()
  },
)

t.test('a reload loses nothing and leaks nobody', async (t) => {
  const rig = progressRig(t)
  const { api, pass, declared } = rig
  api.objects.set('/version', versionInfo)
  const progress = await rig.follow()
  api.say(apiPaths.nodes, [ready('m1'), ready('w2')])
  await pass(second)
  const paths = api.followed()
  progress.swap([declared({}, ['m1', 'w2'])])
  t.same(
    progress.reports()[0]!.members.map(({ node, state }) => `${node} ${state}`),
    ['c1/m1 ready', 'c1/w2 ready'],
    'others are declared, and known at once',
  )
  t.same([api.followed(), rig.connections()], [paths, 1], 'nobody is asked anew')
  t.same(rig.told.slice(-2), ['c1/m1 there', 'c1/w2 there'])

  progress.swap([declared({ identity: 'another address' })])
  t.equal(progress.reports()[0]!.members[0]!.state, 'unknown', 'another API is another cluster')
  await pass(second)
  t.equal(rig.connections(), 1)
  progress.swap([])
  await pass(second)
  t.same([api.followed(), rig.connections(), rig.clock.pending()], [[], 0, 0])
  await progress.close()
})

t.test('a reload before the API answers goes on asking', async (t) => {
  const rig = progressRig(t)
  const progress = await rig.follow()
  progress.swap([rig.declared({}, ['m1'])])
  await rig.pass(5 * second)
  t.equal(rig.connections(), 1)
  rig.api.objects.set('/version', versionInfo)
  await rig.pass(5 * second)
  t.match(stages(progress)[0], /^API reached/)
  t.match(rig.told, [])
  await progress.close()
  const asked = await rig.follow()
  await asked.close()
  await settle()
  t.equal(rig.clock.pending(), 0)
})

t.test('what is followed of a site: every cluster, its members, and whether it has a bootstrap', (t) => {
  const cluster = declaredCluster()
  const [m1, w1] = cluster.nodes
  const bs = { ...w1!, name: 'bs', role: 'bootstrap' as const }
  const facts = { images: new Map(), ignition: new Map(), loaders: new Map() }
  const followed = (nodes: (typeof bs)[] | typeof cluster.nodes, more: object = {}) =>
    followedClusters(
      buildModel({ ...declaredSite(), clusters: [{ ...cluster, nodes, ...more }] }, facts),
      Date.now,
    )[0]!
  const [withBootstrap, without] = [followed([bs, m1!, w1!]), followed(cluster.nodes)]
  t.same(
    withBootstrap.members.map(({ key }) => key),
    ['c1/m1', 'c1/w1'],
  )
  t.equal(withBootstrap.stages.length, 6)
  t.equal(without.stages.length, 4)
  t.equal(withBootstrap.identity, without.identity, 'who is in it does not matter')
  t.not(without.identity, followed(cluster.nodes, { kubeconfig: '/elsewhere' }).identity)
  t.not(without.identity, followed(cluster.nodes, { domain: 'example.org' }).identity)
  t.end()
})
