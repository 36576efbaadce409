import { writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { makeAuthority } from '../../../support/certificates.ts'
import { socketPath } from '../../../support/control-service.ts'
import { networkApi } from '../../../support/network-api.ts'

t.test(
  'a sender with ten different wrong tokens is locked out for a minute, and sessions continue',
  async (t) => {
    const { ask, token, clock, counters } = await networkApi(t)
    const used = await token('operate')
    const login = await ask('/v1/session', { method: 'POST', body: { token: used } })
    const cookie = login.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
    const wrong = (attempt: number) => used.slice(0, -2) + String(attempt).padStart(2, '0')
    for (let count = 0; count < 12; count++) await ask('/v1/nodes', { token: wrong(1) })
    for (let attempt = 1; attempt <= 10; attempt++) {
      t.equal((await ask('/v1/nodes', { token: wrong(attempt) })).status, 401, `attempt ${attempt}`)
    }
    const locked = {
      status: 429,
      headers: { 'retry-after': '60' },
      body: { code: 'api.locked-out', error: 'too many failed logins from 127.0.0.1: try again in 60 s' },
    }
    t.match(await ask('/v1/nodes', { token: wrong(1) }), locked)
    t.match(await ask('/v1/nodes', { token: used }), locked, 'a right token cannot be recognized either')
    t.match(await ask('/v1/session', { method: 'POST', body: { token: used } }), locked)
    t.match(await ask('/v1/nodes', { headers: { cookie } }), { status: 200 }, 'a session is not a login')
    clock.advance(60_000)
    t.match(await ask('/v1/nodes', { token: used }), { status: 200 })
    t.equal(counters.get('api.loginsFailed'), 22)
  },
)

/** Writes files and returns their paths. */
function files(t: Test, contents: Record<string, string>): Record<string, string> {
  const directory = t.testdir()
  return Object.fromEntries(
    Object.entries(contents).map(([name, content]) => {
      const path = join(directory, name)
      writeFileSync(path, content)
      return [name, path]
    }),
  )
}

t.test('a client certificate identifies its user by the names in it', async (t) => {
  const authority = makeAuthority()
  const foreign = makeAuthority()
  const { ca = '' } = files(t, { ca: authority.certificate })
  const { ask } = await networkApi(t, {
    clientCA: ca,
    clients: [
      { name: 'ansible', scope: 'operate' },
      { name: 'wall.example.net', scope: 'read' },
    ],
  })
  const ansible = authority.client('/O=ops/CN=ansible')
  t.match(await ask('/v1/session', { pair: ansible }), {
    status: 200,
    body: { user: 'certificate:ansible', scope: 'operate' },
  })
  t.match(await ask('/v1/session', { pair: authority.client('/CN=mallory') }), {
    status: 403,
    body: {
      code: 'api.unknown-user',
      error: 'api.clients lists no name of the client certificate (mallory)',
    },
  })
  t.match(await ask('/v1/session', { pair: foreign.client('/CN=ansible') }), { status: 401 }, 'another CA')
  t.match(await ask('/v1/session', { pair: authority.client('/CN=ansible', -1) }), { status: 401 }, 'expired')
  const server = authority.server('DNS:wall.example.net')
  t.match(await ask('/v1/session', { pair: server }), { status: 401 }, 'the certificate of a server')

  const path = '/v1/nodes/ocp45/w1/menu'
  t.match(
    await ask(path, { method: 'POST', pair: ansible }),
    { status: 200 },
    'a program needs no CSRF token',
  )
  const referer = 'https://127.0.0.1/'
  t.match(await ask(path, { method: 'POST', pair: ansible, headers: { referer } }), {
    status: 403,
    body: { code: 'api.csrf-token' },
  })
})

t.test('a subjectAltName identifies the user of a client certificate', async (t) => {
  const authority = makeAuthority()
  const { ca = '' } = files(t, { ca: authority.certificate })
  const { ask } = await networkApi(t, { clientCA: ca, clients: [{ name: 'wall.example.net' }] })
  const pair = authority.client('/CN=anything', 1, 'DNS:other.example.net,DNS:wall.example.net')
  t.match(await ask('/v1/session', { pair }), {
    status: 200,
    body: { user: 'certificate:wall.example.net', scope: 'read' },
  })
})

t.test('the header of a proxy counts only from its address', async (t) => {
  const users = [{ name: 'alice', scope: 'admin' }]
  const headers = { 'x-forwarded-user': 'alice' }
  const trusted = await networkApi(t, { proxy: { from: '127.0.0.1', users } })
  t.match(await trusted.ask('/v1/session', { headers }), {
    status: 200,
    body: { user: 'proxy:alice', scope: 'admin', csrf: String },
  })
  t.match(await trusted.ask('/v1/session', { headers: { 'x-forwarded-user': 'bob' } }), {
    status: 403,
    body: { code: 'api.unknown-user', error: 'api.proxy.users does not list the user "bob"' },
  })
  const twice = { 'x-forwarded-user': ['alice', 'alice'] }
  t.match(await trusted.ask('/v1/session', { headers: twice }), { status: 403 }, 'a header that was added to')
  t.match(await trusted.ask('/v1/session'), { status: 401 }, 'the proxy sent no user')
  const other = await networkApi(t, { proxy: { from: '192.0.2.1', users } })
  t.match(
    await other.ask('/v1/session', { headers }),
    { status: 401 },
    'any other client can send the header',
  )
})

t.test('a proxy on this machine connects to its Unix socket', async (t) => {
  const socket = socketPath(t)
  const users = [{ name: 'alice', scope: 'read' }]
  const { service, ask } = await networkApi(t, { proxy: { socket, header: 'Remote-User', users } })
  t.same(service.listening[1], `unix ${socket}`)
  const asked = request({
    socketPath: socket,
    path: '/v1/session',
    headers: { host: 'localhost', 'remote-user': 'alice' },
  }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  t.match(await json(response), { user: 'proxy:alice', scope: 'read' })
  t.match(await ask('/v1/session', { headers: { 'remote-user': 'alice' } }), { status: 401 }, 'over HTTPS')
})
