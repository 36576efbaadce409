import t from 'tap'
import { connectCluster } from '../../../src/cluster/connection/client.ts'
import { type WatchEvent, createBackoff, follow } from '../../../src/cluster/connection/follow.ts'
import { NoCredentials } from '../../../src/cluster/kubeconfig/file.ts'
import { apiPaths } from '../../../src/cluster/objects.ts'
import { clusterOperator } from '../../support/cluster-objects.ts'
import { connected, node, nodesPath, untilPaused } from '../../support/cluster.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { nextWatch, recordFollowed } from '../../support/followed.ts'

t.test('a watch reports changes, resumes from a bookmark, and ends without an outage', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
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
  t.equal((await nextWatch(server, nodesPath)).from, 105, 'from the version of the bookmark')
  server.put(nodesPath, node('w2'))
  await until(5)
  abort.abort()
  await following
  t.same(calls, ['list m1', 'MODIFIED m1', 'ADDED w1', 'DELETED w1', 'ADDED w2'])
  t.same(server.requests.slice(1), [
    'GET /api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=50&resourceVersion=101',
    'GET /api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=50&resourceVersion=105',
  ])
})

t.test('resumes without a loss after a cut in the middle of an event', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
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
  t.match(calls[2], /^outage 127\.0\.0\.1:\d+: (the connection was closed by the other side|aborted)$/)
  t.same(
    calls.filter((line) => !line.startsWith('outage')),
    ['list m1', 'ADDED m2', 'reachable', 'ADDED m3'],
  )
  t.equal(clock.pending(), 0, 'no timer is left')
})

t.test('an outage ends when a watch stays open, also without events', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
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
  t.notOk(calls.includes('reachable'), 'a watch that is cut sooner does not count')
  clock.advance(1000)
  await untilPaused(clock, 1000)
  clock.advance(1000)
  abort.abort()
  await following
  t.equal(calls.at(-1), 'reachable')
  t.equal(calls.filter((line) => line === 'reachable').length, 1)
})

t.test('a 404 of a proxy is an outage; a 404 of the API server is an empty collection', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
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
  t.same(calls, ['outage no such page (404)', 'reachable', 'list '])
})

t.test('reports an invalid event, and lists the collection again', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  const path = apiPaths.clusterOperators
  const following = api.follow(path, handlers, abort.signal)
  await until(1)
  server.put(path, clusterOperator('dns'))
  const invalid: [text: string, sentence: string][] = [
    ['{"type":', 'the server sent an event that is not JSON'],
    ['null', 'the server sent an event without an object'],
    ['{"type":"ADDED","object":{}}', 'the server sent an event without a resourceVersion'],
    [
      '{"type":"LATER","object":{"metadata":{"resourceVersion":"1"}}}',
      'the server sent an event of the unknown type "LATER"',
    ],
    ['{"type":"ERROR","object":{"message":"etcd is gone"}}', 'etcd is gone (500)'],
  ]
  // The server does not know the kind yet (404): an empty collection.
  t.equal(calls[0], 'list ')
  await untilPaused(clock, 500)
  clock.advance(500)
  for (const [text, sentence] of invalid) {
    await server.watched(path)
    server.put(path, clusterOperator('dns'))
    while (calls.at(-1) !== 'MODIFIED dns') await new Promise(setImmediate)
    server.write(path, `${text}\n`)
    while (calls.at(-1) !== `outage ${sentence}`) await new Promise(setImmediate)
    while (server.watches(path).length > 0) await new Promise(setImmediate)
    await untilPaused(clock, 500)
    clock.advance(500)
  }
  abort.abort()
  await following
  t.same(
    calls.filter((line) => line.startsWith('outage')),
    invalid.map(([, sentence]) => `outage ${sentence}`),
  )
})

t.test('waits longer after each failure, reports the same reason once, and stops on abort', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
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
  const missing = 'the user of the kubeconfig must be allowed to list nodes'
  const advice = 'apply the output of `slipway render rbac`'
  t.same(calls, [`outage the test says Forbidden (403 Forbidden); ${missing}: ${advice}`])
  await api.follow(nodesPath, handlers, abort.signal)
  t.equal(calls.length, 1)
})

t.test('waits between watches that end at once', async (t) => {
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

t.test('continues with another kubeconfig at once, and without an outage', async (t) => {
  const { server, credentials } = await connected(t)
  let used = credentials
  const clock = fakeClock()
  const api = connectCluster({ kubeconfig: { credentials: () => used }, clock, random: () => 1 })
  t.teardown(() => api.close())
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  const next = nextWatch(server, nodesPath)
  used = { ...credentials, token: 'sha256~token' }
  await api.get(`${nodesPath}/m1`)
  await next
  server.put(nodesPath, node('m2'))
  await until(2)
  abort.abort()
  await following
  t.same(calls, ['list m1', 'ADDED m2'])
})

t.test('looks for a missing kubeconfig every 5 s', async (t) => {
  const { server, credentials } = await connected(t)
  let isPresent = false
  const clock = fakeClock()
  const kubeconfig = {
    credentials() {
      if (isPresent) return credentials
      throw new NoCredentials('cluster.kubeconfig-missing', 'the kubeconfig does not exist')
    },
  }
  const api = connectCluster({ kubeconfig, clock, random: () => 1 })
  t.teardown(() => api.close())
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  for (let attempts = 0; attempts < 9; attempts++) {
    await untilPaused(clock, 5000)
    isPresent = attempts === 8
    clock.advance(5000)
  }
  await until(2)
  abort.abort()
  await following
  t.same(calls, ['outage the kubeconfig does not exist', 'list m1'])
})

t.test('ignores a list and an event that arrive after the abort', async (t) => {
  const clock = fakeClock()
  const { calls, handlers } = recordFollowed()
  const backoff = createBackoff(clock, () => 0)
  const version = { items: [], resourceVersion: '1' }
  const newestVersion = () => Promise.resolve('1')
  const late = new AbortController()
  const list = () => {
    late.abort()
    return Promise.resolve(version)
  }
  const source = { list, newestVersion, watch: () => Promise.reject(new Error('not called')) }
  await follow(source, handlers, { signal: late.signal, clock, backoff })
  t.same(calls, [])

  const over = new AbortController()
  const buffered = {
    list: () => Promise.resolve(version),
    newestVersion,
    watch: (_: string, onEvent: (event: WatchEvent) => void) => {
      over.abort()
      onEvent({ type: 'ADDED', object: node('m2'), resourceVersion: '2' })
      return Promise.reject(new Error('aborted'))
    },
  }
  await follow(buffered, handlers, { signal: over.signal, clock, backoff })
  t.same(calls, ['list '])
})

t.test('waits after a 429 for a watch as long as the server requests', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const busyFor = (seconds: string) => ({
    status: 429,
    reason: 'TooManyRequests',
    headers: { 'retry-after': seconds },
    text: 'Too many requests, please try again later.\n',
  })
  server.refuse(nodesPath, 'answer', busyFor('7'), busyFor('9999'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await untilPaused(clock, 7000)
  clock.advance(7000)
  // Not longer than after any other failure.
  await untilPaused(clock, 30_000)
  while (clock.pending() > 1) await new Promise(setImmediate)
  clock.advance(30_000)
  await server.watched(nodesPath)
  server.put(nodesPath, node('m2'))
  await until(4)
  abort.abort()
  await following
  t.same(calls, [
    'list m1',
    'outage Too many requests, please try again later. (429)',
    'reachable',
    'ADDED m2',
  ])
})
