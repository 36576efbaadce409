/** When a followed collection is listed again, and how long it waits. */
import t from 'tap'
import { relistMs } from '../../../src/cluster/connection/follow.ts'
import { apiPaths } from '../../../src/cluster/objects.ts'
import { errorLine, eventLine } from '../../support/api-shapes.ts'
import { connected, node, nodesPath, untilPaused } from '../../support/cluster.ts'
import { nextWatch, recordFollowed } from '../../support/followed.ts'

const down = { status: 503, reason: '', text: 'starting' }

t.test('lists again at once and without a report when the version expired (410)', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.write(nodesPath, errorLine(410, 'Expired', 'too old resource version: 101 (102)'))
  await until(2)
  server.put(nodesPath, node('m2'))
  await until(3)
  t.same(calls, ['list m1', 'list m1', 'ADDED m2'], 'in the stream')
  clock.advance(1000)
  server.refuse(nodesPath, { status: 410, reason: 'Expired' })
  server.end(nodesPath)
  await until(4)
  t.same(calls.slice(3), ['list m1 m2'], 'as a status')
  abort.abort()
  await following
})

t.test('a 410 after other failures is not an outage, and does not wait for their delay', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.refuse(nodesPath, down, down, down, 'answer')
  server.cut(nodesPath)
  for (const delayMs of [500, 1000, 2000, 4000]) {
    await untilPaused(clock, delayMs)
    if (delayMs === 4000) server.compact()
    clock.advance(delayMs)
  }
  await until(4)
  abort.abort()
  await following
  t.match(calls, ['list m1', /^outage /, 'outage starting (503)', 'list m1'])
})

t.test('a server whose every watch expires at once is an outage', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const expired = { status: 410, reason: 'Expired' }
  server.refuse(nodesPath, 'answer', expired, 'answer', expired, 'answer', expired)
  const following = api.follow(nodesPath, handlers, abort.signal)
  await untilPaused(clock, 500)
  clock.advance(500)
  await untilPaused(clock, 1000)
  await until(4)
  abort.abort()
  await following
  t.same(calls, ['list m1', 'list m1', 'outage the test says Expired (410 Expired)', 'list m1'])
})

t.test('lists again when the server returns with an older state, as after a restore of etcd', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  for (const name of ['m1', 'm2']) server.put(nodesPath, node(name))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.remove(nodesPath, 'm2')
  await until(2)
  server.restore(90)
  await untilPaused(clock, 500)
  server.put(nodesPath, node('w1'))
  clock.advance(500)
  await until(5)
  await server.watched(nodesPath)
  server.put(nodesPath, node('w2'))
  await until(7)
  abort.abort()
  await following
  t.match(calls, ['list m1 m2', 'DELETED m2', /^outage /, 'list m1 w1', 'rollback', 'reachable', 'ADDED w2'])
})

t.test('lists again when an event has an older version than one before', async (t) => {
  const { server, api } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.write(nodesPath, eventLine(nodesPath, 'ADDED', node('m0', { resourceVersion: '7' })))
  await until(2)
  abort.abort()
  await following
  t.same(calls, ['list m1', 'list m1'])
})

t.test('lists again after ten minutes, and after an outage of five seconds', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  const lists = () => server.requests.filter((request) => request.includes('limit=500')).length
  server.keepTime(clock)
  const following = api.follow(nodesPath, handlers, abort.signal)
  for (let passedMs = 0; passedMs < relistMs; passedMs += 50_000) {
    await untilPaused(clock, 50_000)
    t.equal(lists(), 1, `after ${passedMs} ms`)
    const next = nextWatch(server, nodesPath)
    clock.advance(50_000)
    await next
  }
  t.same(calls, ['list ', 'list '])
  server.refuse(nodesPath, ...Array.from({ length: 4 }, () => down))
  await untilPaused(clock, 50_000)
  clock.advance(1000)
  server.cut(nodesPath)
  for (const delayMs of [500, 1000, 2000, 4000]) {
    await untilPaused(clock, delayMs)
    while (clock.pending() > 1) await new Promise(setImmediate)
    clock.advance(delayMs)
  }
  await untilPaused(clock, 8000)
  while (clock.pending() > 1) await new Promise(setImmediate)
  clock.advance(8000)
  await until(5)
  abort.abort()
  await following
  t.match(calls, ['list ', 'list ', /^outage /, 'outage starting (503)', 'list '])
})

t.test('all collections of a connection share the delays, and continue when one is reachable', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const csrs = apiPaths.signingRequests
  const [first, second] = [recordFollowed(), recordFollowed()]
  server.put(nodesPath, node('m1'))
  const following = [nodesPath, csrs].map((path, index) =>
    api.follow(path, (index === 0 ? first : second).handlers, abort.signal),
  )
  await Promise.all([server.watched(nodesPath), server.watched(csrs)])
  server.refuse(csrs, down)
  server.cut(nodesPath)
  server.cut(csrs)
  await Promise.all([first.until(2), second.until(2)])
  await untilPaused(clock, 500)
  t.equal(clock.pending(), 2, 'both wait')
  clock.advance(500)
  await server.watched(nodesPath)
  await second.until(3)
  await untilPaused(clock, 1000)
  server.put(nodesPath, node('m2'))
  await first.until(4)
  await server.watched(csrs)
  t.equal(clock.monotonic(), 500, 'the second collection did not wait for its delay of 1 s')
  abort.abort()
  await Promise.all(following)
})
