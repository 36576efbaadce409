import t from 'tap'
import { connectCluster } from '../../../src/cluster/connection/client.ts'
import type { ApiObject } from '../../support/api-server.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { authority, connected, node, nodesPath, untilPaused } from '../../support/cluster.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { recordFollowed } from '../../support/followed.ts'

t.test('ends a watch whose server disappeared after one minute', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { calls, until, handlers } = recordFollowed()
  const following = api.follow(nodesPath, handlers, abort.signal)
  await untilPaused(clock, 60_000)
  clock.advance(59_999)
  t.equal(calls.length, 1)
  clock.advance(1)
  await until(2)
  server.put(nodesPath, node('m1'))
  await untilPaused(clock, 500)
  clock.advance(500)
  await until(4)
  abort.abort()
  await following
  t.same(calls, [
    'list ',
    `outage 127.0.0.1:${server.port}: no response within 60 s`,
    'reachable',
    'ADDED m1',
  ])
})

t.test('repeats a request on a kept connection that has ended (RFC 9112 §9.3.1)', async (t) => {
  const { server, api, credentials } = await connected(t)
  const path = `${nodesPath}/m1`
  server.put(nodesPath, node('m1'))
  const [first] = await Promise.all([api.get<ApiObject>(path), api.get(path), api.get(path)])
  // All three connections are kept, and all three have ended.
  server.refuse(path, 'cut', 'cut', 'cut')
  t.match(await api.get(path), { metadata: { name: 'm1' } })
  server.refuse(path, 'cut')
  t.match(await api.put(path, { ...first, spec: { unschedulable: true } }), {
    spec: { unschedulable: true },
  })
  server.refuse(nodesPath, 'cut')
  t.equal((await api.list(nodesPath)).items.length, 1)

  const fresh = connectCluster({ kubeconfig: { credentials: () => credentials }, clock: fakeClock() })
  t.teardown(() => fresh.close())
  server.refuse(path, 'cut')
  await t.rejects(
    fresh.get(path),
    { message: `127.0.0.1:${server.port}: the connection was closed by the other side` },
    'on a new connection',
  )
})

t.test('closing the client ends its requests, also on a kept connection', async (t) => {
  const { server, api } = await connected(t)
  await api.list(nodesPath)
  server.onOther(() => api.close())
  await t.rejects(api.get('/version'), {
    message: `127.0.0.1:${server.port}: the connection was closed by the other side`,
  })
  t.same(server.requests, ['GET /api/v1/nodes?limit=500', 'GET /version'])
})

t.test(
  'accepts a new certificate of the server from the same authority, and reports one from another',
  async (t) => {
    const { server, api } = await connected(t)
    server.put(nodesPath, node('m1'))
    const path = `${nodesPath}/m1`
    await api.get(path)
    server.rotate(authority, authority)
    t.match(await api.get(path), { metadata: { name: 'm1' } })
    server.rotate(makeAuthority(), authority)
    await t.rejects(api.get(path), {
      name: 'Unreachable',
      message: /: its certificate was not issued by the kubeconfig's certificate authority: /,
    })
    server.rotate(authority, authority)
    t.match(await api.get(path), { metadata: { name: 'm1' } })
  },
)

t.test('repeats a request that was sent with the old kubeconfig when the file changes', async (t) => {
  const { server, credentials } = await connected(t)
  let used = credentials
  const clock = fakeClock()
  const api = connectCluster({ kubeconfig: { credentials: () => used }, clock })
  t.teardown(() => api.close())
  server.put(nodesPath, node('m1'))
  server.onOther((_, response) => {
    // The first request gets no response.
    if (used !== credentials) response.end('{"gitVersion":"v1.30.4"}')
  })
  const version = api.get('/version')
  while (!server.requests.includes('GET /version')) await new Promise(setImmediate)
  used = { ...credentials, token: 'sha256~token' }
  await api.get(`${nodesPath}/m1`)
  t.same(await version, { gitVersion: 'v1.30.4' })
  api.close()
  await t.rejects(api.get('/version'), { message: 'the connection to the cluster is closed' })
})
