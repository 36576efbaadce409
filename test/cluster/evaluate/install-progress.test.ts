import t from 'tap'
import {
  startedProgress,
  installProgressShape,
  isInTurn,
  isReached,
  reachStage,
  startStage,
  type InstallProgress,
} from '../../../src/cluster/evaluate/install-progress.ts'
import { everyStage } from '../../../src/cluster/evaluate/stages.ts'

const stages = everyStage([], true)
const stage = (name: string) => stages.find((each) => each.name === name)!
const names = (progress: InstallProgress) =>
  stages.filter((each) => isInTurn(progress, each)).map((each) => each.name)

t.test('a stage is in turn when the one before it is reached', (t) => {
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

t.test('a stage that was reached before slipway looked has no time', (t) => {
  const found = reachStage({}, stage('API'), { now: 4000, note: 'v1.30.4', stages })
  t.same(found, { API: { state: 'reached', note: 'v1.30.4' } })
  t.same(reachStage(found, stage('bootstrap'), { now: 4100, stages })['bootstrap'], { state: 'reached' })
  t.same(startStage(found, stage('nodes'), 4200)['nodes'], { state: 'under-way', since: 4200 })
  t.end()
})

t.test('survives being written and read', (t) => {
  const progress = reachStage(startedProgress(1), stage('API'), { now: 2, stages })
  t.same(installProgressShape.parse(JSON.parse(JSON.stringify(progress))), progress)
  t.throws(() => installProgressShape.parse({ API: { state: 'done' } }))
  t.end()
})
