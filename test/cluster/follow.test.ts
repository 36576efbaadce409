import t from 'tap'
import { connectCluster } from '../../src/cluster/client.ts'
import { follow } from '../../src/cluster/follow.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import type { WatchEvent } from '../../src/cluster/watch.ts'
import { errorLine } from '../support/api-shapes.ts'
import { clusterOperator } from '../support/cluster-objects.ts'
import { connected, node, nodesPath, untilPaused } from '../support/cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { nextWatch, recordFollowed } from '../support/followed.ts'

t.test('a watch brings what changes, bookmarks move its place, and its end is no trouble', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.put(nodesPath, node('m1', { annotations: { note: 'Größe – 大小' } }))
  server.put(nodesPath, node('w1'))
  server.remove(nodesPath, 'w1')
  await until(4)
  server.bookmark(nodesPath)
  clock.advance(1000)
  server.end(nodesPath)
  t.equal((await nextWatch(server, nodesPath)).from, 105, 'from the bookmark on')
  server.put(nodesPath, node('w2'))
  await until(5)
  abort.abort()
  await following
  t.same(told, ['list m1', 'MODIFIED m1', 'ADDED w1', 'DELETED w1', 'ADDED w2'])
  t.same(server.requests.slice(1), [
    'GET /api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=50&resourceVersion=101',
    'GET /api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=50&resourceVersion=105',
  ])
})

t.test('cut in the middle of an event, it goes on where it was and loses nothing', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.put(nodesPath, node('m2'))
  await until(2)
  server.write(nodesPath, '{"type":"ADDED","object":{"metadata":{"name":"ha')
  server.cut(nodesPath)
  await until(3)
  server.put(nodesPath, node('m3'))
  await untilPaused(clock, 500)
  clock.advance(500)
  await until(4)
  abort.abort()
  await following
  t.match(told[2], /^trouble 127\.0\.0\.1:\d+: (the connection was cut|aborted)$/)
  t.same(
    told.filter((line) => !line.startsWith('trouble')),
    ['list m1', 'ADDED m2', 'heard', 'ADDED m3'],
  )
  t.equal(clock.pending(), 0, 'nothing is left behind')
})

t.test('a trouble is over when a watch lasts, also when nothing changes', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.cut(nodesPath)
  await until(2)
  await untilPaused(clock, 500)
  clock.advance(500)
  await untilPaused(clock, 1000)
  clock.advance(900)
  server.cut(nodesPath)
  await untilPaused(clock, 1000)
  t.notOk(told.includes('heard'), 'one that is cut sooner has no say')
  clock.advance(1000)
  await untilPaused(clock, 1000)
  clock.advance(1000)
  abort.abort()
  await following
  t.equal(told.at(-1), 'heard')
  t.equal(told.filter((line) => line === 'heard').length, 1)
})

t.test(
  'a 404 of somebody before the server is a trouble; one of the server says that there is nothing',
  async (t) => {
    const { server, api, clock } = await connected(t)
    const abort = new AbortController()
    const { told, until, handlers } = recordFollowed()
    server.onOther((_, response) => void response.writeHead(404).end('<html>no such page'))
    const following = api.follow('/apis/x', handlers, abort.signal)
    await until(1)
    server.onOther((_, response) =>
      response.writeHead(404).end(JSON.stringify({ kind: 'Status', reason: 'NotFound', message: 'no x' })),
    )
    await untilPaused(clock, 500)
    clock.advance(500)
    await until(3)
    abort.abort()
    await following
    t.same(told, ['trouble no such page (404)', 'heard', 'list '])
  },
)

t.test('too old, in the stream or as a status: it lists anew', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.write(nodesPath, errorLine(410, 'Expired', 'too old resource version: 101 (102)'))
  server.put(nodesPath, node('m2'))
  await untilPaused(clock, 500)
  clock.advance(500)
  await until(2)
  await server.watched(nodesPath)
  server.compact()
  server.put(nodesPath, node('m3'))
  await until(3)
  server.cut(nodesPath)
  await until(4)
  server.compact()
  await untilPaused(clock, 500)
  clock.advance(500)
  await untilPaused(clock, 1000)
  clock.advance(1000)
  await until(6)
  abort.abort()
  await following
  t.match(told, ['list m1', 'list m1 m2', 'ADDED m3', /^trouble /, /^trouble .*Expired/, 'list m1 m2 m3'])
})

t.test('garbage in the stream is said, and the collection is listed anew', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  const path = apiPaths.clusterOperators
  const following = api.follow(path, handlers, abort.signal)
  await until(1)
  server.put(path, clusterOperator('dns'))
  const garbage: [text: string, sentence: string][] = [
    ['{"type":', 'it sent an event that is not JSON'],
    ['null', 'it sent an event without an object'],
    ['{"type":"ADDED","object":{}}', 'it sent an event without a resourceVersion'],
    [
      '{"type":"LATER","object":{"metadata":{"resourceVersion":"1"}}}',
      'it sent an event of the type "LATER"',
    ],
    ['{"type":"ERROR","object":{"message":"etcd is gone"}}', 'etcd is gone (500)'],
  ]
  // A collection that nobody made yet (404) has nothing in it.
  t.equal(told[0], 'list ')
  await untilPaused(clock, 500)
  clock.advance(500)
  for (const [text, sentence] of garbage) {
    await server.watched(path)
    server.put(path, clusterOperator('dns'))
    while (told.at(-1) !== 'MODIFIED dns') await new Promise(setImmediate)
    server.write(path, `${text}\n`)
    while (told.at(-1) !== `trouble ${sentence}`) await new Promise(setImmediate)
    while (server.watches(path).length > 0) await new Promise(setImmediate)
    await untilPaused(clock, 500)
    clock.advance(500)
  }
  abort.abort()
  await following
  t.same(
    told.filter((line) => line.startsWith('trouble')),
    garbage.map(([, sentence]) => `trouble ${sentence}`),
  )
})

t.test(
  'it waits longer after each failure, says the same thing once, and no longer when aborted',
  async (t) => {
    const { server, api, clock } = await connected(t)
    const abort = new AbortController()
    const { told, until, handlers } = recordFollowed()
    server.put(nodesPath, node('m1'))
    const forbidden = { status: 403, reason: 'Forbidden' }
    server.refuse(nodesPath, ...Array.from({ length: 20 }, () => forbidden))
    const following = api.follow(nodesPath, handlers, abort.signal)
    for (const delayMs of [500, 1000, 2000, 4000, 8000, 16_000, 30_000]) {
      await until(1)
      await untilPaused(clock, delayMs)
      while (clock.pending() > 1) await new Promise(setImmediate)
      clock.advance(delayMs)
    }
    abort.abort()
    await following
    t.same(told, ['trouble the test says Forbidden (403 Forbidden)'])
    await api.follow(nodesPath, handlers, abort.signal)
    t.equal(told.length, 1)
  },
)

t.test('a watch that ends at once again and again is not asked for without a pause', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  for (const delayMs of [500, 1000]) {
    await server.watched(nodesPath)
    server.end(nodesPath)
    await untilPaused(clock, delayMs)
    clock.advance(delayMs)
  }
  abort.abort()
  await following
  t.equal(server.requests.length, 3)
})

t.test('another kubeconfig is taken at once: the watch goes on with it', async (t) => {
  const { server, credentials } = await connected(t)
  let now = credentials
  const clock = fakeClock()
  const api = connectCluster({ kubeconfig: { credentials: () => now }, clock, random: () => 1 })
  t.teardown(() => api.close())
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  now = { ...credentials, token: 'sha256~token' }
  await api.get(`${nodesPath}/m1`)
  await until(2)
  await untilPaused(clock, 500)
  clock.advance(500)
  await server.watched(nodesPath)
  server.put(nodesPath, node('m2'))
  await until(3)
  abort.abort()
  await following
  t.match(told, ['list m1', /^trouble /, 'heard', 'ADDED m2'])
})

t.test('a watch that is refused as too old lists anew; a list that comes too late is not told', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.refuse(nodesPath, { status: 410, reason: 'Expired' })
  clock.advance(1000)
  server.end(nodesPath)
  await untilPaused(clock, 500)
  clock.advance(500)
  await until(2)
  abort.abort()
  await following
  t.same(told, ['list m1', 'list m1'])

  const late = new AbortController()
  const list = () => {
    late.abort()
    return Promise.resolve({ items: [], resourceVersion: '1' })
  }
  const source = { list, watch: () => Promise.reject(new Error('not asked')) }
  await follow(source, handlers, { signal: late.signal, clock, random: () => 0 })
  t.equal(told.length, 2)

  const over = new AbortController()
  const buffered = {
    list: () => Promise.resolve({ items: [], resourceVersion: '1' }),
    watch: (_: string, take: (event: WatchEvent) => void) => {
      over.abort()
      take({ type: 'ADDED', object: node('m2'), resourceVersion: '2' })
      return Promise.reject(new Error('aborted'))
    },
  }
  await follow(buffered, handlers, { signal: over.signal, clock, random: () => 0 })
  t.same(told.slice(2), ['list '], 'nor an event that was on its way')
})

t.test('a watch that is refused for a while (429) is asked for when that is over', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const busyFor = (seconds: string) => ({
    ...{ status: 429, reason: 'TooManyRequests', headers: { 'retry-after': seconds } },
    text: 'Too many requests, please try again later.\n',
  })
  server.refuse(nodesPath, 'answer', busyFor('7'), busyFor('9999'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await untilPaused(clock, 7000)
  clock.advance(7000)
  // For no longer than any other failure.
  await untilPaused(clock, 30_000)
  while (clock.pending() > 1) await new Promise(setImmediate)
  clock.advance(30_000)
  await server.watched(nodesPath)
  server.put(nodesPath, node('m2'))
  await until(4)
  abort.abort()
  await following
  t.same(told, ['list m1', 'trouble Too many requests, please try again later. (429)', 'heard', 'ADDED m2'])
})
