import t from 'tap'
import { connectCluster } from '../../src/cluster/client.ts'
import type { Credentials } from '../../src/cluster/kubeconfig.ts'
import type { ApiObject } from '../support/api-server.ts'
import { makeAuthority } from '../support/certificates.ts'
import { authority, connected, node, nodesPath, untilPaused } from '../support/cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test(
  'an object, by client certificate or by token; a name in TLS other than that of the URL',
  async (t) => {
    const { server, api, credentials } = await connected(t)
    server.put(nodesPath, node('m1'))
    t.match(await api.get(`${nodesPath}/m1`), { metadata: { name: 'm1', resourceVersion: '101' } })
    t.match(await api.get(`${nodesPath}/m1`), { metadata: { name: 'm1' } }, 'by the same connection')

    for (const change of [
      { token: 'sha256~token' },
      { certificate: credentials.certificate!, key: credentials.key!, serverName: 'api.c1.example.net' },
    ]) {
      const bare = { server: credentials.server, authority: authority.certificate }
      const other = connectCluster({
        kubeconfig: { credentials: () => ({ ...bare, ...change }) },
        clock: fakeClock(),
      })
      t.match(await other.get(`${nodesPath}/m1`), { metadata: { name: 'm1' } })
      other.close()
    }
  },
)

t.test('what keeps a server from being asked is a sentence that names it', async (t) => {
  const stranger = makeAuthority()
  const { server, credentials } = await connected(t)
  const cases: [name: string, change: Partial<Credentials>, sentence: string][] = [
    [
      'another authority',
      { authority: stranger.certificate },
      "its certificate is not the kubeconfig's authority's: the kubeconfig is of another installation",
    ],
    ['another name', { serverName: 'api.c2.example.net' }, 'its certificate is for other names'],
  ]
  for (const [name, change, sentence] of cases) {
    const api = connectCluster({
      kubeconfig: { credentials: () => ({ ...credentials, ...change }) },
      clock: fakeClock(),
    })
    await t.rejects(
      api.get(nodesPath),
      { name: 'Unreachable', message: `127.0.0.1:${server.port}: ${sentence}` },
      name,
    )
    api.close()
  }
  const trusting = { server: credentials.server, token: 'sha256~token' }
  const world = connectCluster({ kubeconfig: { credentials: () => trusting }, clock: fakeClock() })
  await t.rejects(world.get(nodesPath), { message: /its certificate is not the kubeconfig's authority's/ })
  world.close()
  const nobody = { server: credentials.server, authority: authority.certificate }
  const api = connectCluster({ kubeconfig: { credentials: () => nobody }, clock: fakeClock() })
  await t.rejects(api.get(nodesPath), {
    status: 401,
    message: 'the test says Unauthorized (401 Unauthorized)',
  })
  api.close()
})

t.test('a server that is not there, cuts the answer, or never answers', async (t) => {
  const { server, api, clock } = await connected(t)
  server.onOther(
    (_, response) =>
      void response.writeHead(200, { 'content-length': 10 }).write('{', () => response.destroy()),
  )
  await t.rejects(api.get('/version'), { message: /: (the connection was cut|aborted)$/ })
  server.onOther(() => clock.advance(30_000))
  await t.rejects(api.get('/version'), { message: `127.0.0.1:${server.port}: no answer within 30 s` })
  server.onOther((_, response) => void response.end('<html>Log in'))
  await t.rejects(api.get('/version'), { message: 'the answer is not a JSON object: "<html>Log in"' })
  server.onOther((_, response) => void response.end('7'))
  await t.rejects(api.get('/version'), { message: 'the answer is not a JSON object: "7"' })
  server.onOther((_, response) => void response.writeHead(502).end('bad gateway'))
  await t.rejects(api.get('/version'), { status: 502, reason: '', message: 'bad gateway (502)' })
  server.onOther((_, response) => void response.writeHead(503).end('null'))
  await t.rejects(api.get('/version'), { status: 503, message: 'null (503)' })
  server.onOther((_, response) => void response.writeHead(503).end())
  await t.rejects(api.get('/version'), { status: 503, message: 'refused with 503' })
  await server.close()
  await t.rejects(api.get('/version'), { message: /the connection (is refused|was cut)/ })
})

t.test(
  'a list follows its pages; one that became too old in between begins again, three times at most',
  async (t) => {
    const { server, api } = await connected(t, {}, 2)
    for (const name of ['m1', 'm2', 'm3', 'm4', 'm5']) server.put(nodesPath, node(name))
    const listed = await api.list<ApiObject>(nodesPath)
    t.same(
      listed.items.map((item) => item.metadata.name),
      ['m1', 'm2', 'm3', 'm4', 'm5'],
    )
    t.equal(listed.resourceVersion, '105')
    t.same(server.requests, [
      'GET /api/v1/nodes?limit=500',
      'GET /api/v1/nodes?limit=500&continue=after-2-of-5-at-105',
      'GET /api/v1/nodes?limit=500&continue=after-2-of-3-at-105',
    ])
    const gone = { status: 410, reason: 'Expired' }
    server.refuse(nodesPath, gone, gone)
    t.equal((await api.list<ApiObject>(nodesPath)).items.length, 5)
    server.refuse(nodesPath, gone, gone, gone)
    await t.rejects(api.list(nodesPath), {
      name: 'ApiProblem',
      message: 'the test says Expired (410 Expired)',
    })
  },
)

t.test('a change of what another changed meanwhile is a conflict (409)', async (t) => {
  const { server, api } = await connected(t)
  server.put(nodesPath, node('m1'))
  const first = await api.get<ApiObject>(`${nodesPath}/m1`)
  const cordoned = { ...first, spec: { unschedulable: true } }
  t.match(await api.put(`${nodesPath}/m1`, cordoned), { spec: { unschedulable: true } })
  await t.rejects(api.put(`${nodesPath}/m1`, cordoned), {
    ...{ name: 'ApiProblem', status: 409, reason: 'Conflict' },
    message: 'the object has been modified (409 Conflict)',
  })
})

t.test('429 is waited for as long as it says, and not for ever', async (t) => {
  const { server, api, clock } = await connected(t)
  server.put(nodesPath, node('m1'))
  const busy = (headers = {}) => ({ status: 429, reason: 'TooManyRequests', headers })
  server.refuse(`${nodesPath}/m1`, busy({ 'retry-after': '2' }), busy())
  const asked = api.get(`${nodesPath}/m1`)
  await untilPaused(clock, 2000)
  clock.advance(2000)
  await untilPaused(clock, 1000)
  clock.advance(1000)
  t.match(await asked, { metadata: { name: 'm1' } })

  server.refuse(`${nodesPath}/m1`, ...Array.from({ length: 6 }, () => busy({ 'retry-after': '9999' })))
  const refused = t.rejects(api.get(`${nodesPath}/m1`), {
    name: 'ApiProblem',
    message: 'the test says TooManyRequests (429 TooManyRequests)',
  })
  for (let waits = 0; waits < 5; waits++) {
    await untilPaused(clock, 30_000)
    // Until the answer's own timer is gone, which is as long.
    while (clock.pending() > 1) await new Promise(setImmediate)
    clock.advance(30_000)
  }
  await refused
})

t.test('a list of what is no list has no items; one without end, or too long, is refused', async (t) => {
  const { server, api } = await connected(t)
  const odd: [text: string, items: number][] = [
    ['{}', 0],
    ['{"items":null,"metadata":null}', 0],
    ['{"items":[null,7,{}],"metadata":{"resourceVersion":7,"continue":{}}}', 1],
  ]
  for (const [text, items] of odd) {
    server.onOther((_, response) => void response.end(text))
    const listed = await api.list('/api/v1/odd')
    t.same([listed.items.length, listed.resourceVersion], [items, ''], text)
  }
  server.onOther((_, response) => void response.end('{"metadata":{"continue":"x"}}'))
  await t.rejects(api.list('/api/v1/odd'), { message: 'the list /api/v1/odd has more than 200 pages' })
  const octets = Buffer.alloc(33 * 1024 * 1024, ' ')
  server.onOther((_, response) => void response.end(octets))
  const { port } = server
  await t.rejects(api.list('/api/v1/odd'), {
    message: `127.0.0.1:${port}: its answer is longer than 33554432 octets`,
  })
})
