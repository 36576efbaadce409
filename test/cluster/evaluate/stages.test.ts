import t from 'tap'
import { kinds, type Kind } from '../../../src/cluster/objects.ts'
import {
  startedProgress,
  evaluateStages,
  everyStage,
  neededKinds,
  stageReports,
  stagesOf,
  type Snapshot,
  canEvaluate,
  isReached,
  reachStage,
  startStage,
} from '../../../src/cluster/evaluate/stages.ts'
import { type InstallProgress, isInstallProgress } from '../../../src/cluster/records.ts'
import { bootstrapConfigMap, condition, etcd } from '../../support/cluster-objects.ts'

const up = { isUp: true, version: 'v1.30.4' } as const
const minute = 60_000

/** @param objects of the kinds that are current */
function snapshot(
  objects: ReadonlyMap<Kind<unknown>, readonly object[]>,
  more: Partial<Snapshot> = {},
): Snapshot {
  return {
    items: <T>(kind: Kind<T>) => (objects.get(kind) ?? []) as readonly T[],
    isCurrent: (kind) => objects.has(kind),
    isStale: () => false,
    api: up,
    hasCredentials: true,
    ...more,
  }
}

const evaluate = (progress: InstallProgress, view: Snapshot, now: number, expired?: string) =>
  evaluateStages(
    stagesOf('bootstrap-complete', []),
    { progress, missing: new Map() },
    {
      snapshot: view,
      now,
      expired,
    },
  )

t.test('the API is unknown without credentials, and missing without an answer', (t) => {
  const none = evaluate({}, snapshot(new Map(), { api: undefined }), 5)
  t.same(none.progress, {})
  const problem = { code: 'cluster.connection-refused', sentence: 'connection refused' } as const
  const api = { isUp: false, problem } as const
  const refused = evaluate({}, snapshot(new Map(), { api }), 5)
  t.same(refused.progress, startedProgress(5))
  t.same(refused.missing.get('API'), [problem])
  const view = snapshot(new Map(), { api, hasCredentials: false })
  const unknown = evaluate({}, view, 5)
  t.same(unknown.progress, {})
  t.match(stageReports(stagesOf('bootstrap-complete', []), unknown, view), [
    {
      name: 'API',
      state: 'unknown',
      missing: ['connection refused'],
      codes: ['cluster.connection-refused'],
    },
    { name: 'bootstrap', state: 'ahead' },
    { name: 'etcd', state: 'ahead' },
  ])
  t.end()
})

t.test('a stage is evaluated when it is next and its collections are current', (t) => {
  const first = evaluate(startedProgress(1), snapshot(new Map()), 5)
  t.same(first.progress['API'], { state: 'reached', since: 1, reachedAt: 5, note: 'v1.30.4' })
  t.same(first.progress['bootstrap'], { state: 'under-way', since: 5 })
  t.same(neededKinds(stagesOf('bootstrap-complete', []), first.progress), [kinds.bootstrapConfigMap])
  const same = evaluate(first.progress, snapshot(new Map()), 6)
  t.equal(same.progress, first.progress, 'the same object without a change')
  const objects = new Map([[kinds.bootstrapConfigMap, [bootstrapConfigMap('complete')]]])
  const done = evaluate(first.progress, snapshot(objects), 9)
  t.match(done.progress, { bootstrap: { reachedAt: 9 }, etcd: { state: 'under-way', since: 9 } })
  t.end()
})

t.test('a stage can have a reason to continue after its time-out', (t) => {
  const progress: InstallProgress = {
    API: { state: 'reached' },
    bootstrap: { state: 'reached' },
    etcd: { state: 'under-way', since: 0 },
  }
  const view = (conditions: readonly ReturnType<typeof condition>[]) =>
    snapshot(new Map([[kinds.etcd, [etcd(...conditions)]]]))
  const note = 'this release does not report whether the member was removed'
  t.match(evaluate(progress, view([]), 5 * minute - 1).progress, { etcd: { state: 'under-way' } })
  t.match(evaluate(progress, view([]), 5 * minute).progress, { etcd: { state: 'reached', note } })
  t.match(evaluate(progress, view([]), 1, 'etcd').progress, { etcd: { state: 'reached', note } })
  const reported = view([condition('EtcdBootstrapMemberRemoved', 'False')])
  t.match(evaluate(progress, reported, 5 * minute).progress, { etcd: { state: 'under-way' } })
  t.end()
})

t.test('a cluster without a bootstrap has four stages', (t) => {
  const names = (hasBootstrap: boolean) => everyStage([], hasBootstrap).map(({ name }) => name)
  t.same(names(false), ['API', 'nodes', 'version', 'operators'])
  t.same(names(true), ['API', 'bootstrap', 'etcd', 'nodes', 'version', 'operators'])
  t.end()
})

const stages = everyStage([], true)
const stage = (name: string) => stages.find((each) => each.name === name)!
const names = (progress: InstallProgress) =>
  stages.filter((each) => canEvaluate(progress, each)).map((each) => each.name)

t.test('a stage is next when the one before it is reached', (t) => {
  t.same(names({}), ['API'])
  const api: InstallProgress = { API: { state: 'reached' } }
  t.same(names(api), ['API', 'bootstrap', 'nodes', 'version'])
  t.same(names({ ...api, bootstrap: { state: 'reached' }, version: { state: 'under-way', since: 1 } }), [
    ...['API', 'bootstrap', 'etcd', 'nodes', 'version'],
  ])
  t.same(names({ ...api, version: { state: 'reached' } }).at(-1), 'operators')
  t.same(
    everyStage([], false).map(({ name }) => name),
    ['API', 'nodes', 'version', 'operators'],
  )
  t.end()
})

t.test('a stage that was seen in progress has a time, and starts the next ones', (t) => {
  const begun = startedProgress(1000)
  const up = reachStage(begun, stage('API'), { now: 4000, note: 'v1.30.4', stages })
  t.same(up, {
    API: { state: 'reached', since: 1000, reachedAt: 4000, note: 'v1.30.4' },
    bootstrap: { state: 'under-way', since: 4000 },
    nodes: { state: 'under-way', since: 4000 },
    version: { state: 'under-way', since: 4000 },
  })
  const done = reachStage(up, stage('bootstrap'), { now: 9000, stages })
  t.match(done, { bootstrap: { reachedAt: 9000 }, etcd: { state: 'under-way', since: 9000 } })
  t.equal(startStage(done, stage('etcd'), 9999), done, 'keeps the first time')
  t.same(
    [isReached(done, 'bootstrap'), isReached(done, 'etcd'), isReached(done, 'operators')],
    [true, false, false],
  )
  t.end()
})

t.test('a stage that was reached before the first observation has no time', (t) => {
  const found = reachStage({}, stage('API'), { now: 4000, note: 'v1.30.4', stages })
  t.same(found, { API: { state: 'reached', note: 'v1.30.4' } })
  t.same(reachStage(found, stage('bootstrap'), { now: 4100, stages })['bootstrap'], { state: 'reached' })
  t.same(startStage(found, stage('nodes'), 4200)['nodes'], { state: 'under-way', since: 4200 })
  t.end()
})

t.test('a written record is read back unchanged', (t) => {
  const progress = reachStage(startedProgress(1), stage('API'), { now: 2, stages })
  t.ok(isInstallProgress(JSON.parse(JSON.stringify(progress))))
  t.notOk(isInstallProgress({ API: { state: 'done' } }))
  t.end()
})
