import t from 'tap'
import {
  begunCourse,
  courseShape,
  isInTurn,
  isReached,
  reach,
  underWay,
  type Course,
} from '../../src/cluster/course.ts'
import { everyStage } from '../../src/cluster/stages.ts'

const stages = everyStage([], true)
const stage = (name: string) => stages.find((each) => each.name === name)!
const names = (course: Course) => stages.filter((each) => isInTurn(course, each)).map((each) => each.name)

t.test('a stage is in turn when what it needs is reached', (t) => {
  t.same(names({}), ['API'])
  const api: Course = { API: { state: 'reached' } }
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

t.test('whoever saw a stage under way knows when it was reached, and when the next ones began', (t) => {
  const begun = begunCourse(1000)
  const up = reach(begun, stage('API'), { now: 4000, note: 'v1.30.4', stages })
  t.same(up, {
    API: { state: 'reached', since: 1000, reachedAt: 4000, note: 'v1.30.4' },
    bootstrap: { state: 'under-way', since: 4000 },
    nodes: { state: 'under-way', since: 4000 },
    version: { state: 'under-way', since: 4000 },
  })
  const done = reach(up, stage('bootstrap'), { now: 9000, stages })
  t.match(done, { bootstrap: { reachedAt: 9000 }, etcd: { state: 'under-way', since: 9000 } })
  t.equal(underWay(done, stage('etcd'), 9999), done, 'since the first time')
  t.same(
    [isReached(done, 'bootstrap'), isReached(done, 'etcd'), isReached(done, 'operators')],
    [true, false, false],
  )
  t.end()
})

t.test('a stage that was reached before anybody looked has no time, and gives none', (t) => {
  const found = reach({}, stage('API'), { now: 4000, note: 'v1.30.4', stages })
  t.same(found, { API: { state: 'reached', note: 'v1.30.4' } })
  t.same(reach(found, stage('bootstrap'), { now: 4100, stages })['bootstrap'], { state: 'reached' })
  t.same(underWay(found, stage('nodes'), 4200)['nodes'], { state: 'under-way', since: 4200 })
  t.end()
})

t.test('what is kept is what it was', (t) => {
  const course = reach(begunCourse(1), stage('API'), { now: 2, stages })
  t.same(courseShape.parse(JSON.parse(JSON.stringify(course))), course)
  t.throws(() => courseShape.parse({ API: { state: 'done' } }))
  t.end()
})
