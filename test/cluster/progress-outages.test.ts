/** Clusters that are not reachable, damaged records, and very many requests. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { staleAfterMs } from '../../src/cluster/session.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { createLog } from '../../src/host/log.ts'
import { versionInfo } from '../support/api-shapes.ts'
import { memorySession, noKubeconfig, testKubeconfig } from '../support/session.ts'
import { condition, signingRequest } from '../support/cluster-objects.ts'
import { progressRig, ready, settle, stages } from '../support/progress.ts'

const second = 1000
const minute = 60 * second

t.test('reports a missing kubeconfig once, and looks for it until it exists', async (t) => {
  const rig = progressRig(t)
  const { api, pass, kubeconfig } = rig
  kubeconfig.isThere = false
  api.get = () => Promise.reject(new Error(noKubeconfig))
  const progress = await rig.track()
  await pass(10 * minute)
  t.match(progress.reports(), [
    { trouble: noKubeconfig, stages: [{ state: 'unknown', missing: [noKubeconfig] }] },
  ])
  t.same(
    rig.lines.map(({ msg, reason }) => [msg, reason]),
    [['cluster API unreachable', noKubeconfig]],
  )
  kubeconfig.isThere = true
  api.get = <T>() => Promise.resolve(versionInfo as T)
  await pass(5 * second)
  t.match(stages(progress)[0], 'API reached ?-?', 'it may have been up before')
  t.equal(rig.lines.at(-1)?.msg, 'cluster API reachable again')
  await progress.close()

  const kubeconfigOfNone = {
    ...testKubeconfig(),
    path: undefined,
    credentials: () => {
      throw new Error('no kubeconfig is set')
    },
  }
  const unset = memorySession(api, {
    clock: rig.clock,
    log: createLog('error', { write() {} }),
    kubeconfig: kubeconfigOfNone,
  })
  const nowhere = await rig.track([rig.declared({ session: unset })])
  t.match(nowhere.reports(), [
    {
      cluster: 'c1',
      trouble: 'no kubeconfig is set',
      stages: { length: 0 },
      members: [{ state: 'unknown' }, {}],
    },
  ])
  nowhere.swap([])
  t.same(nowhere.reports(), [])
  await nowhere.close()
})

t.test('the last state counts for one minute of an outage', async (t) => {
  const rig = progressRig(t)
  const { api, pass } = rig
  api.objects.set('/version', versionInfo)
  const progress = await rig.track()
  api.sendList(apiPaths.nodes, [ready('m1')])
  api.sendList(apiPaths.signingRequests, [])
  api.sendList(apiPaths.clusterVersion, [])
  api.sendOutage(apiPaths.clusterOperators, 'clusteroperators is forbidden (403 Forbidden)')
  await pass(second)
  const state = (name: string) => progress.reports()[0]!.stages.find((each) => each.name === name)!.state
  const members = () => progress.reports()[0]!.members.map((member) => member.state)
  t.equal(state('version'), 'unknown', 'it was never read')
  t.match(progress.reports(), [{ trouble: 'clusteroperators is forbidden (403 Forbidden)' }])
  api.sendOutage(apiPaths.nodes, 'the connection was cut')
  await pass(staleAfterMs - second)
  t.same(members(), ['ready', 'absent'])
  api.sendOutage(apiPaths.nodes, 'it does not answer')
  rig.calls.length = 0
  api.sendEvent(apiPaths.nodes, 'ADDED', ready('w1'))
  await pass(second)
  t.same([members(), state('nodes')], [['unknown', 'unknown'], 'unknown'])
  t.same(rig.calls, [], 'no member is reported')
  api.sendReachable(apiPaths.nodes)
  await pass(second)
  t.same([members(), state('nodes')], [['ready', 'ready'], 'reached'])
  t.same(rig.calls.slice(0, 2), ['c1/m1 present', 'c1/w1 present'])
  await progress.close()
})

t.test('ignores an answer of the API after it was closed', async (t) => {
  const rig = progressRig(t)
  let answer: (value: unknown) => void = () => {}
  rig.api.get = <T>() => new Promise<T>((resolve) => (answer = resolve as (value: unknown) => void))
  const progress = await rig.track()
  const closed = progress.close()
  answer({})
  await closed
  await settle()
  t.same(rig.api.followed(), [])
})

t.test(
  'starts without a record that is damaged, and continues with one that cannot be written',
  async (t) => {
    const damaged = progressRig(
      t,
      t.testdir({ 'clusters.json': '{"version":1,"clusters":{"c1":{"API":7}}}' }),
    )
    damaged.api.objects.set('/version', versionInfo)
    const progress = await damaged.track()
    t.match(damaged.lines, [
      {
        msg: 'cluster record unreadable, starting with its readable part',
        reason: /is not a record of clusters' stages; it was moved to .*\.damaged-/,
      },
    ])
    await progress.close()
    t.match(JSON.parse(readFileSync(damaged.path, 'utf8')), {
      version: 1,
      clusters: { c1: { API: { state: 'reached' } } },
    })

    const folder = t.testdir({})
    mkdirSync(join(folder, 'clusters.json'))
    const unwritten = progressRig(t, folder)
    unwritten.api.objects.set('/version', versionInfo)
    const going = await unwritten.track()
    await going.close()
    t.match(stages(going), [])
    t.match(
      unwritten.lines.map(({ msg }) => msg),
      ['cluster record unreadable, starting with its readable part', 'cluster record write failed'],
    )
  },
)

t.test('keeps the newest 5,000 requests', async (t) => {
  const rig = progressRig(t)
  rig.api.objects.set('/version', versionInfo)
  const progress = await rig.track()
  const many = Array.from({ length: 6000 }, (_, index) => signingRequest(`csr-${index}`))
  rig.api.sendList(apiPaths.signingRequests, many)
  await rig.pass(second)
  t.equal(progress.reports()[0]!.pendingRequests, 5000)
  rig.api.sendEvent(apiPaths.signingRequests, 'MODIFIED', signingRequest('csr-5999', [condition('Denied')]))
  rig.api.sendEvent(apiPaths.signingRequests, 'DELETED', signingRequest('csr-5998'))
  rig.api.sendEvent(apiPaths.signingRequests, 'MODIFIED', signingRequest('csr-5997'))
  t.equal(progress.reports()[0]!.pendingRequests, 4998)
  await progress.close()
})

t.test('reports any response of the API, and does not throw', async (t) => {
  const rig = progressRig(t)
  rig.api.unchecked.set('/version', { gitVersion: 7 })
  const progress = await rig.track()
  const anything = fc.anything({ maxDepth: 2 })
  const object = fc.record(
    {
      metadata: fc.oneof(anything, fc.record({ name: fc.constantFrom('m1', 'version', 'bootstrap', 7) })),
      status: fc.oneof(anything, fc.record({ conditions: fc.array(fc.oneof(anything, fc.object())) })),
      spec: anything,
      data: anything,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(apiPaths)),
      fc.array(object),
      object,
      (path, items, item) => {
        rig.api.sendUnchecked(path, items, item)
        rig.clock.advance(second)
        const [report] = progress.reports()
        if (report?.members.length !== 2 || report.stages.length !== 6) throw new Error('a part is missing')
        JSON.stringify(report)
      },
    ),
    { numRuns: 500 },
  )
  await progress.close()
})
