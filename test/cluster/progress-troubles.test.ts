/** Clusters that are not heard, records that are damaged, and more than anybody wants to know. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { silenceMs } from '../../src/cluster/follower.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { versionInfo } from '../support/api-shapes.ts'
import { condition, signingRequest } from '../support/cluster-objects.ts'
import { noKubeconfig, progressRig, ready, settle, stages } from '../support/progress.ts'

const second = 1000
const minute = 60 * second

t.test('a kubeconfig that is not there is said once, and asked for until it is there', async (t) => {
  const rig = progressRig(t)
  const { api, pass, kubeconfig } = rig
  kubeconfig.isThere = false
  api.get = () => Promise.reject(new Error(noKubeconfig))
  const progress = await rig.follow()
  await pass(10 * minute)
  t.match(progress.reports(), [
    { trouble: noKubeconfig, stages: [{ state: 'unknown', missing: [noKubeconfig] }] },
  ])
  t.same(
    rig.lines.map(({ msg, reason }) => [msg, reason]),
    [['cluster cannot be asked', noKubeconfig]],
  )
  kubeconfig.isThere = true
  api.get = <T>() => Promise.resolve(versionInfo as T)
  await pass(5 * second)
  t.match(stages(progress)[0], 'API reached ?-?', 'it may have been up all the time')
  t.equal(rig.lines.at(-1)?.msg, 'cluster is heard again')
  await progress.close()

  const nowhere = await rig.follow([
    rig.declared({
      kubeconfig: {
        ...kubeconfig,
        path: undefined,
        credentials: () => {
          throw new Error('nothing says how')
        },
      },
    }),
  ])
  t.match(nowhere.reports(), [
    {
      cluster: 'c1',
      trouble: 'nothing says how',
      stages: { length: 0 },
      members: [{ state: 'unknown' }, {}],
    },
  ])
  nowhere.swap([])
  t.same(nowhere.reports(), [])
  await nowhere.close()
})

t.test('what was heard last counts for a minute of silence', async (t) => {
  const rig = progressRig(t)
  const { api, pass } = rig
  api.objects.set('/version', versionInfo)
  const progress = await rig.follow()
  api.say(apiPaths.nodes, [ready('m1')])
  api.say(apiPaths.signingRequests, [])
  api.say(apiPaths.clusterVersion, [])
  api.trouble(apiPaths.clusterOperators, 'clusteroperators is forbidden (403 Forbidden)')
  await pass(second)
  const state = (name: string) => progress.reports()[0]!.stages.find((each) => each.name === name)!.state
  const members = () => progress.reports()[0]!.members.map((member) => member.state)
  t.equal(state('version'), 'unknown', 'it was never heard')
  t.match(progress.reports(), [{ trouble: 'clusteroperators is forbidden (403 Forbidden)' }])
  api.trouble(apiPaths.nodes, 'the connection was cut')
  await pass(silenceMs - second)
  t.same(members(), ['ready', 'absent'])
  api.trouble(apiPaths.nodes, 'it does not answer')
  rig.told.length = 0
  api.change(apiPaths.nodes, 'ADDED', ready('w1'))
  await pass(second)
  t.same([members(), state('nodes')], [['unknown', 'unknown'], 'unknown'])
  t.same(rig.told, [], 'nor is anybody told')
  api.heard(apiPaths.nodes)
  await pass(second)
  t.same([members(), state('nodes')], [['ready', 'ready'], 'reached'])
  t.same(rig.told.slice(0, 2), ['c1/m1 there', 'c1/w1 there'])
  await progress.close()
})

t.test('closed while the API is being asked, it takes nothing more note of', async (t) => {
  const rig = progressRig(t)
  let answer: (value: unknown) => void = () => {}
  rig.api.get = <T>() => new Promise<T>((resolve) => (answer = resolve as (value: unknown) => void))
  const progress = await rig.follow()
  const closed = progress.close()
  answer({})
  await closed
  await settle()
  t.same(rig.api.followed(), [])
})

t.test(
  'a record that is damaged is said once and begun anew; one that cannot be written ends nothing',
  async (t) => {
    const damaged = progressRig(
      t,
      t.testdir({ 'clusters.json': '{"version":1,"clusters":{"c1":{"API":7}}}' }),
    )
    damaged.api.objects.set('/version', versionInfo)
    const progress = await damaged.follow()
    t.match(damaged.lines, [
      {
        msg: 'what was known of clusters is lost',
        reason: `${damaged.path} is no record of clusters' stages, so nothing is known of before`,
      },
    ])
    await progress.close()
    t.match(JSON.parse(readFileSync(damaged.path, 'utf8')), {
      ...{ version: 1, clusters: { c1: { API: { state: 'reached' } } } },
    })

    const folder = t.testdir({})
    mkdirSync(join(folder, 'clusters.json'))
    const unwritten = progressRig(t, folder)
    unwritten.api.objects.set('/version', versionInfo)
    const going = await unwritten.follow()
    await going.close()
    t.match(stages(going), [])
    t.match(
      unwritten.lines.map(({ msg }) => msg),
      ['what was known of clusters is lost', 'cluster record not written'],
    )
  },
)

t.test('requests beyond what a person reads are not held', async (t) => {
  const rig = progressRig(t)
  rig.api.objects.set('/version', versionInfo)
  const progress = await rig.follow()
  const many = Array.from({ length: 6000 }, (_, index) => signingRequest(`csr-${index}`))
  rig.api.say(apiPaths.signingRequests, many)
  await rig.pass(second)
  t.equal(progress.reports()[0]!.pendingRequests, 5000)
  rig.api.change(apiPaths.signingRequests, 'MODIFIED', signingRequest('csr-0', [condition('Denied')]))
  rig.api.change(apiPaths.signingRequests, 'DELETED', signingRequest('csr-1'))
  rig.api.change(apiPaths.signingRequests, 'MODIFIED', signingRequest('csr-2'))
  t.equal(progress.reports()[0]!.pendingRequests, 4998)
  await progress.close()
})

t.test('whatever the API says, it is said in words and nothing ends', async (t) => {
  const rig = progressRig(t)
  rig.api.oddities.set('/version', { gitVersion: 7 })
  const progress = await rig.follow()
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
        rig.api.saySomething(path, items, item)
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
