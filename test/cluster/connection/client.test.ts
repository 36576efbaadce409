import t from 'tap'
import fc from 'fast-check'
import { connectCluster, lineSplitter } from '../../../src/cluster/connection/client.ts'
import type { Credentials } from '../../../src/cluster/kubeconfig/decode.ts'
import type { ApiObject } from '../../support/api-server.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { authority, connected, node, nodesPath, untilPaused } from '../../support/cluster.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const wrongAuthority =
  "its certificate was not issued by the kubeconfig's certificate authority: " +
  'the kubeconfig belongs to another installation, or the authority was rotated'

t.test('gets an object with a client certificate or a token, and with another TLS server name', async (t) => {
  const { server, api, credentials } = await connected(t)
  server.put(nodesPath, node('m1'))
  t.match(await api.get(`${nodesPath}/m1`), { metadata: { name: 'm1', resourceVersion: '101' } })
  t.match(await api.get(`${nodesPath}/m1`), { metadata: { name: 'm1' } }, 'on the same connection')

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
})

t.test('reports why a server cannot be reached, and names the server', async (t) => {
  const otherAuthority = makeAuthority()
  const { server, credentials } = await connected(t)
  const cases: [name: string, change: Partial<Credentials>, sentence: string][] = [
    ['another authority', { authority: otherAuthority.certificate }, wrongAuthority],
    ['another name', { serverName: 'api.c2.example.net' }, 'its certificate is not valid for this host name'],
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
  const publicAuthorities = { server: credentials.server, token: 'sha256~token' }
  const verifying = connectCluster({
    kubeconfig: { credentials: () => publicAuthorities },
    clock: fakeClock(),
  })
  await t.rejects(verifying.get(nodesPath), {
    message: /its certificate was not issued by the kubeconfig's certificate authority/,
  })
  verifying.close()
  const anonymous = { server: credentials.server, authority: authority.certificate }
  const api = connectCluster({ kubeconfig: { credentials: () => anonymous }, clock: fakeClock() })
  await t.rejects(api.get(nodesPath), {
    status: 401,
    message: 'the test says Unauthorized (401 Unauthorized)',
  })
  api.close()
})

t.test(
  'reports a server that is down, closes the connection, does not respond, or is not an API server',
  async (t) => {
    const { server, api, clock } = await connected(t)
    server.onOther(
      (_, response) =>
        void response.writeHead(200, { 'content-length': 10 }).write('{', () => response.destroy()),
    )
    await t.rejects(api.get('/version'), {
      message: /: (the connection was closed by the other side|aborted)$/,
    })
    server.onOther(() => clock.advance(30_000))
    await t.rejects(api.get('/version'), { message: `127.0.0.1:${server.port}: no response within 30 s` })
    server.onOther((_, response) => void response.end('<html>Log in'))
    await t.rejects(api.get('/version'), { message: 'the response is not a JSON object: "<html>Log in"' })
    server.onOther((_, response) => void response.end('7'))
    await t.rejects(api.get('/version'), { message: 'the response is not a JSON object: "7"' })
    server.onOther((_, response) => void response.writeHead(502).end('bad gateway'))
    await t.rejects(api.get('/version'), { status: 502, reason: '', message: 'bad gateway (502)' })
    server.onOther((_, response) => void response.writeHead(503).end('null'))
    await t.rejects(api.get('/version'), { status: 503, message: 'null (503)' })
    server.onOther((_, response) => void response.writeHead(503).end())
    await t.rejects(api.get('/version'), { status: 503, message: 'refused with 503' })
    await server.close()
    await t.rejects(api.get('/version'), { message: /connection (refused|was closed)/ })
  },
)

t.test('a list follows its pages, and starts again when a page expired, at most three times', async (t) => {
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
})

t.test('a change to an object that another client changed is a conflict (409)', async (t) => {
  const { server, api } = await connected(t)
  server.put(nodesPath, node('m1'))
  const first = await api.get<ApiObject>(`${nodesPath}/m1`)
  const cordoned = { ...first, spec: { unschedulable: true } }
  t.match(await api.put(`${nodesPath}/m1`, cordoned), { spec: { unschedulable: true } })
  await t.rejects(api.put(`${nodesPath}/m1`, cordoned), {
    name: 'ApiProblem',
    status: 409,
    reason: 'Conflict',
    message: 'the object has been modified (409 Conflict)',
  })
})

t.test('waits after a 429 as long as the server requests, a few times', async (t) => {
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
    // Until the timer of the response, which has the same length, is gone.
    while (clock.pending() > 1) await new Promise(setImmediate)
    clock.advance(30_000)
  }
  await refused
})

t.test('a list without items is empty; rejects a list with too many pages or bytes', async (t) => {
  const { server, api } = await connected(t)
  const invalid: [text: string, items: number][] = [
    ['{}', 0],
    ['{"items":null,"metadata":null}', 0],
    ['{"items":[null,7,{}],"metadata":{"resourceVersion":7,"continue":{}}}', 1],
  ]
  for (const [text, items] of invalid) {
    server.onOther((_, response) => void response.end(text))
    const listed = await api.list('/api/v1/odd')
    t.same([listed.items.length, listed.resourceVersion], [items, ''], text)
  }
  server.onOther((_, response) => void response.end('{"metadata":{"continue":"x"}}'))
  await t.rejects(api.list('/api/v1/odd'), { message: 'the list /api/v1/odd has more than 200 pages' })
  const bytes = Buffer.alloc(33 * 1024 * 1024, ' ')
  server.onOther((_, response) => void response.end(bytes))
  const { port } = server
  await t.rejects(api.list('/api/v1/odd'), {
    message: `127.0.0.1:${port}: its response is longer than 33554432 bytes`,
  })
})

const bytes = (text: string) => new TextEncoder().encode(text)

t.test('returns whole lines however the stream is split, also within a character of several bytes', (t) => {
  const text = fc.stringMatching(/^[^\n\r]*$/).filter((line) => line.trim() === line && line !== '')
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 8 }), (lines, cuts) => {
      const all = bytes(lines.map((line) => `${line}\n`).join(''))
      const split = lineSplitter()
      const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length]
      const got = places.flatMap((from, index) => split(all.subarray(from, places[index + 1])))
      // Half a surrogate pair cannot be encoded as UTF-8: the encoder lost it, not the splitter.
      const expected = lines.map((line) => new TextDecoder().decode(bytes(line)).trim()).filter(Boolean)
      if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Error(JSON.stringify({ got, expected }))
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('keeps an incomplete line, and skips an empty one', (t) => {
  const split = lineSplitter()
  t.same(split(bytes('{"a":')), [])
  t.same(split(bytes('1}\r\n\n \n{"b"')), ['{"a":1}'])
  t.end()
})

t.test('rejects a line that is too long before it fills the memory', (t) => {
  const message = 'the server sent a line of more than 8 bytes'
  const [one, two] = [lineSplitter(8), lineSplitter(8)]
  t.same(one(bytes('12345678')), [])
  t.throws(() => one(bytes('9')), { name: 'BadEvent', message })
  t.throws(() => two(bytes('123456789\n')), { name: 'BadEvent', message })
  t.end()
})
