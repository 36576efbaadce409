import t from 'tap'
import { connectCluster } from '../../src/cluster/client.ts'
import type { ApiObject } from '../support/api-server.ts'
import { makeAuthority } from '../support/certificates.ts'
import { authority, connected, node, nodesPath, untilPaused } from '../support/cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { recordFollowed } from '../support/followed.ts'

t.test('a watch whose server went away without a word is given up after a minute', async (t) => {
  const { server, api, clock } = await connected(t)
  const abort = new AbortController()
  const { told, until, handlers } = recordFollowed()
  const following = api.follow(nodesPath, handlers, abort.signal)
  await untilPaused(clock, 60_000)
  clock.advance(59_999)
  t.equal(told.length, 1)
  clock.advance(1)
  await until(2)
  server.put(nodesPath, node('m1'))
  await untilPaused(clock, 500)
  clock.advance(500)
  await until(4)
  abort.abort()
  await following
  t.same(told, ['list ', `trouble 127.0.0.1:${server.port}: no answer within 60 s`, 'heard', 'ADDED m1'])
})

t.test(
  'a kept connection that has ended is no trouble: what was asked is asked anew (RFC 9112 §9.3.1)',
  async (t) => {
    const { server, api, credentials } = await connected(t)
    const path = `${nodesPath}/m1`
    server.put(nodesPath, node('m1'))
    const [first] = await Promise.all([api.get<ApiObject>(path), api.get(path), api.get(path)])
    // All three connections are kept, and none is any good.
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
      { message: `127.0.0.1:${server.port}: the connection was cut` },
      'a new one',
    )
  },
)

t.test('what is under way when the client is closed ends there, on a kept connection too', async (t) => {
  const { server, api } = await connected(t)
  await api.list(nodesPath)
  server.onOther(() => api.close())
  await t.rejects(api.get('/version'), { message: `127.0.0.1:${server.port}: the connection was cut` })
  t.same(server.requests, ['GET /api/v1/nodes?limit=500', 'GET /version'])
})

t.test(
  "another certificate of the server's: by its authority it goes on, by another it is said",
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
      message:
        /: its certificate is not the kubeconfig's authority's: the kubeconfig is of another installation$/,
    })
    server.rotate(authority, authority)
    t.match(await api.get(path), { metadata: { name: 'm1' } })
  },
)
