/** Faults of API servers and of the proxies in front of them that clients meet every day. */
import t from 'tap'
import { connectCluster } from '../../../src/cluster/connection/client.ts'
import type { Credentials } from '../../../src/cluster/kubeconfig/decode.ts'
import { apiPaths } from '../../../src/cluster/objects.ts'
import type { ApiObject } from '../../support/api-server.ts'
import { eventLine } from '../../support/api-shapes.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { authority, connected, node, nodesPath, untilPaused } from '../../support/cluster.ts'
import { bootstrapConfigMap } from '../../support/cluster-objects.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { nextWatch, recordFollowed } from '../../support/followed.ts'

const names = (items: readonly ApiObject[]) => items.map((item) => item.metadata.name)
const busy = {
  status: 429,
  reason: 'TooManyRequests',
  headers: { 'retry-after': '3' },
  text: 'Too many requests, please try again later.\n',
}

t.test('waits after a 429 in the middle of a list, and continues with that page', async (t) => {
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

t.test('lists again after a 410 for `continue`, without the items of the first list', async (t) => {
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

t.test('a watch that ends within a character loses no event', async (t) => {
  for (const fault of ['end', 'cut'] as const) {
    const { server, api, clock } = await connected(t)
    const abort = new AbortController()
    const { calls, until, handlers } = recordFollowed()
    const following = api.follow(nodesPath, handlers, abort.signal)
    await server.watched(nodesPath)
    const line = Buffer.from(eventLine(nodesPath, 'ADDED', node('m1', { annotations: { note: 'Größe' } })))
    server.write(nodesPath, line.subarray(0, line.indexOf('ö') + 1))
    while (server.watches(nodesPath)[0]!.response.writableLength > 0) await new Promise(setImmediate)
    clock.advance(1000)
    server[fault](nodesPath)
    if (fault === 'cut') {
      await until(2)
      await untilPaused(clock, 500)
      clock.advance(500)
    }
    await nextWatch(server, nodesPath)
    server.put(nodesPath, node('m1', { annotations: { note: 'Größe' } }))
    await until(fault === 'cut' ? 4 : 2)
    abort.abort()
    await following
    t.same(
      calls.filter((line) => !line.startsWith('outage') && line !== 'reachable'),
      ['list ', 'ADDED m1'],
      fault,
    )
    const lists = server.requests.filter((request) => request.includes('limit=500'))
    t.equal(lists.length, 1, 'does not list again')
  }
})

t.test('a watch without events ends after the requested time and continues without a report', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
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
  t.same(calls, ['list ', 'ADDED m1'])
  t.equal(server.requests.length, 5, 'one list, four watches')
})

t.test(
  'follows again with the next kubeconfig when the certificate is no longer accepted (401)',
  async (t) => {
    const { server, credentials } = await connected(t)
    const clients = makeAuthority()
    let used: Credentials = credentials
    const clock = fakeClock()
    const api = connectCluster({ kubeconfig: { credentials: () => used }, clock, random: () => 1 })
    t.teardown(() => api.close())
    const abort = new AbortController()
    const { calls, until, handlers } = recordFollowed()
    server.put(nodesPath, node('m1'))
    const following = api.follow(nodesPath, handlers, abort.signal)
    await server.watched(nodesPath)
    server.rotate(authority, clients)
    await until(2)
    await untilPaused(clock, 500)
    clock.advance(500)
    await until(3)
    used = { ...credentials, ...clients.client('/O=system:masters/CN=system:admin') }
    await untilPaused(clock, 500)
    clock.advance(500)
    await server.watched(nodesPath)
    server.put(nodesPath, node('m2'))
    await until(5)
    abort.abort()
    await following
    t.match(calls, [
      'list m1',
      /^outage .*: (the connection was closed by the other side|aborted)$/,
      'outage the test says Unauthorized (401 Unauthorized)',
      'reachable',
      'ADDED m2',
    ])
  },
)

t.test("reports a load balancer's error page once, in one line", async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  const page = {
    status: 503,
    reason: '',
    headers: { 'content-type': 'text/html' },
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
  t.same(calls, ['outage 503 Service Unavailable No server is available. (503)', 'list '])
})

t.test('long responses are not compressed, because slipway does not accept compression', async (t) => {
  const { server, api } = await connected(t)
  const note = 'Größe '.repeat(40_000)
  server.put(nodesPath, node('m1', { annotations: { note } }))
  t.match(await api.get(`${nodesPath}/m1`), { metadata: { annotations: { note } } })
})

t.test('a watch of one object of a collection reports only that object', async (t) => {
  const { server, api } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
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
  t.same(calls, ['list ', 'ADDED bootstrap'])
})
