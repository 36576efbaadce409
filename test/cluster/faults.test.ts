/** What an API server, and what stands before it, does to its clients on an ordinary day. */
import t from 'tap'
import { connectCluster } from '../../src/cluster/client.ts'
import type { Credentials } from '../../src/cluster/kubeconfig.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import type { ApiObject } from '../support/api-server.ts'
import { eventLine } from '../support/api-shapes.ts'
import { makeAuthority } from '../support/certificates.ts'
import { authority, connected, node, nodesPath, untilPaused } from '../support/cluster.ts'
import { bootstrapConfigMap } from '../support/cluster-objects.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { nextWatch, recordFollowed } from '../support/followed.ts'

const names = (items: readonly ApiObject[]) => items.map((item) => item.metadata.name)
const busy = {
  ...{ status: 429, reason: 'TooManyRequests', headers: { 'retry-after': '3' } },
  text: 'Too many requests, please try again later.\n',
}

t.test('429 in the middle of a list: it waits, and goes on with that page', async (t) => {
  const { server, api, clock } = await connected(t, {}, 2)
  for (const name of ['m1', 'm2', 'm3']) server.put(nodesPath, node(name))
  server.refuse(nodesPath, busy, 'answer', busy)
  const listing = api.list<ApiObject>(nodesPath)
  for (let waits = 0; waits < 2; waits++) {
    await untilPaused(clock, 3000)
    clock.advance(3000)
  }
  t.same(names((await listing).items), ['m1', 'm2', 'm3'])
  const second = 'GET /api/v1/nodes?limit=500&continue=after-2-of-3-at-103'
  t.same(server.requests.slice(1), ['GET /api/v1/nodes?limit=500', second, second])
})

t.test('410 for `continue`: what was listed before is not mixed with what is listed anew', async (t) => {
  const { server, api, clock } = await connected(t, {}, 2)
  for (const name of ['m1', 'm2', 'm3']) server.put(nodesPath, node(name))
  server.refuse(nodesPath, 'answer', busy)
  const listing = api.list<ApiObject>(nodesPath)
  await untilPaused(clock, 3000)
  server.remove(nodesPath, 'm1')
  server.put(nodesPath, node('m4'))
  server.compact()
  clock.advance(3000)
  const { items, resourceVersion } = await listing
  t.same(names(items), ['m2', 'm3', 'm4'])
  t.equal(resourceVersion, '106')
})

t.test('a watch that ends or is cut within a character is as one that ends within an event', async (t) => {
  for (const way of ['end', 'cut'] as const) {
    const { server, api, clock } = await connected(t)
    const abort = new AbortController()
    const { told, until, handlers } = recordFollowed()
    const following = api.follow(nodesPath, handlers, abort.signal)
    await server.watched(nodesPath)
    const line = Buffer.from(eventLine(nodesPath, 'ADDED', node('m1', { annotations: { note: 'Größe' } })))
    server.write(nodesPath, line.subarray(0, line.indexOf('ö') + 1))
    while (server.watches(nodesPath)[0]!.response.writableLength > 0) await new Promise(setImmediate)
    clock.advance(1000)
    server[way](nodesPath)
    if (way === 'cut') {
      await until(2)
      await untilPaused(clock, 500)
      clock.advance(500)
    }
    await nextWatch(server, nodesPath)
    server.put(nodesPath, node('m1', { annotations: { note: 'Größe' } }))
    await until(way === 'cut' ? 4 : 2)
    abort.abort()
    await following
    t.same(
      told.filter((line) => !line.startsWith('trouble') && line !== 'heard'),
      ['list ', 'ADDED m1'],
      way,
    )
    const lists = server.requests.filter((request) => request.includes('limit'))
    t.equal(lists.length, 1, 'nothing is listed anew')
  }
})

t.test('a silent watch ends as it was asked to, and goes on without a word', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.keepTime(clock)
  const following = api.follow(nodesPath, handlers, abort.signal)
  for (let watches = 0; watches < 3; watches++) {
    await untilPaused(clock, 50_000)
    const next = nextWatch(server, nodesPath)
    clock.advance(50_000)
    await next
  }
  server.put(nodesPath, node('m1'))
  await until(2)
  abort.abort()
  await following
  t.same(told, ['list ', 'ADDED m1'])
  t.equal(server.requests.length, 5, 'one list, four watches')
})

t.test('whose certificate counts no longer (401) follows again with the next kubeconfig', async (t) => {
  const { server, credentials } = await connected(t)
  const clients = makeAuthority()
  let now: Credentials = credentials
  const clock = fakeClock()
  const api = connectCluster({ kubeconfig: { credentials: () => now }, clock, random: () => 1 })
  t.teardown(() => api.close())
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  server.put(nodesPath, node('m1'))
  const following = api.follow(nodesPath, handlers, abort.signal)
  await server.watched(nodesPath)
  server.rotate(authority, clients)
  await until(2)
  await untilPaused(clock, 500)
  clock.advance(500)
  await until(3)
  now = { ...credentials, ...clients.client('/O=system:masters/CN=system:admin') }
  await untilPaused(clock, 1000)
  clock.advance(1000)
  await server.watched(nodesPath)
  server.put(nodesPath, node('m2'))
  await until(5)
  abort.abort()
  await following
  t.match(told, [
    'list m1',
    /^trouble .*: (the connection was cut|aborted)$/,
    'trouble the test says Unauthorized (401 Unauthorized)',
    'heard',
    'ADDED m2',
  ])
})

t.test("a load balancer's page is followed through: it is said once, in one line", async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  const page = {
    ...{ status: 503, reason: '', headers: { 'content-type': 'text/html' } },
    text: '<html><body><h1>503 Service Unavailable</h1>\nNo server is available.\n</body></html>\n',
  }
  server.refuse(nodesPath, page, page)
  const following = api.follow(nodesPath, handlers, abort.signal)
  for (const delayMs of [500, 1000]) {
    await untilPaused(clock, delayMs)
    clock.advance(delayMs)
  }
  await until(2)
  abort.abort()
  await following
  t.same(told, ['trouble 503 Service Unavailable No server is available. (503)', 'list '])
})

t.test('long answers come as they are, because nobody asks for compressed ones', async (t) => {
  const { server, api } = await connected(t)
  const note = 'Größe '.repeat(40_000)
  server.put(nodesPath, node('m1', { annotations: { note } }))
  t.match(await api.get(`${nodesPath}/m1`), { metadata: { annotations: { note } } })
})

t.test('of one object of a collection nothing is heard but that', async (t) => {
  const { server, api } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  const path = '/api/v1/namespaces/kube-system/configmaps'
  const other = { metadata: { name: 'cluster-config-v1', namespace: 'kube-system' } }
  server.put(path, other)
  const following = api.follow(apiPaths.bootstrapConfigMap, handlers, abort.signal)
  await server.watched(path)
  server.put(path, other)
  server.put(path, bootstrapConfigMap('complete'))
  await until(2)
  abort.abort()
  await following
  t.same(told, ['list ', 'ADDED bootstrap'])
})
