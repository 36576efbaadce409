import t from 'tap'
import { networkApi } from '../../support/network-api.ts'

t.test('a request without credentials is refused, and one with a token is answered', async (t) => {
  const { ask, token } = await networkApi(t)
  t.match(await ask('/v1/nodes'), {
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="slipway"' },
    body: { code: 'api.not-authenticated' },
  })
  t.match(await ask('/v1/nodes', { token: await token('read') }), { status: 200 })
  t.match(await ask('/v1/nodes', { token: 'slipway_000000000000_wrong' }), { status: 401 })
  t.match(await ask('/v1/nodes', { headers: { authorization: 'Basic cm9vdDpyb290' } }), {
    status: 401,
    body: { error: 'expected the header Authorization: Bearer TOKEN' },
  })
})

t.test('each scope permits its requests and those of the smaller scopes', async (t) => {
  const { ask, token, requests, lines } = await networkApi(t)
  const [read, operate, admin] = [await token('read'), await token('operate'), await token('admin')]
  const cases = [
    { path: '/v1/status', method: 'GET', allowed: [read, operate, admin] },
    { path: '/v1/nodes/ocp45/w1/explain', method: 'GET', allowed: [read, operate, admin] },
    { path: '/v1/history', method: 'GET', allowed: [read, operate, admin] },
    { path: '/v1/nodes/ocp45/w1/local', method: 'POST', allowed: [operate, admin] },
    { path: '/v1/reload', method: 'POST', allowed: [operate, admin] },
    { path: '/v1/confirm', method: 'POST', allowed: [operate, admin] },
    { path: '/v1/plan', method: 'POST', allowed: [operate, admin] },
    { path: '/v1/clusters/ocp45/bootstrap/out', method: 'POST', allowed: [operate, admin] },
    { path: '/v1/rollback', method: 'POST', allowed: [admin] },
    { path: '/v1/state/accept', method: 'POST', allowed: [admin] },
    { path: '/v1/tokens', method: 'GET', allowed: [admin] },
  ]
  for (const { path, method, allowed } of cases) {
    for (const used of [read, operate, admin]) {
      const { status } = await ask(path, { method, token: used })
      const name = { [read]: 'read', [operate]: 'operate', [admin]: 'admin' }[used] ?? ''
      t.equal(status === 403, !allowed.includes(used), `${method} ${path} as ${name}: ${status}`)
    }
  }
  t.same(requests, ['reload', 'reload', 'rollback 1'])
  const entry = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(
    entry.find(({ msg, path }) => msg === 'API request' && path === '/v1/rollback'),
    { user: 'token:read', scope: 'read', method: 'POST', status: 403 },
    'a refused request is in the log, with its user',
  )
})

t.test('the text of another site file is compared only for admins', async (t) => {
  const { ask, token } = await networkApi(t)
  const body = { path: '/etc/slipway/site.yaml', text: 'w9' }
  t.match(await ask('/v1/plan', { method: 'POST', body, token: await token('operate') }), {
    status: 403,
    body: { code: 'api.scope-too-small' },
  })
  t.match(await ask('/v1/plan', { method: 'POST', body, token: await token('admin') }), { status: 200 })
})

t.test('an unknown path gets 404 only with credentials', async (t) => {
  const { ask, token } = await networkApi(t)
  t.match(await ask('/v1/nope'), { status: 401 })
  t.match(await ask('/v1/nope', { token: await token('read') }), { status: 404 })
})

t.test('the page needs no user, and its responses have the security headers', async (t) => {
  const { ask } = await networkApi(
    t,
    {},
    {
      page: (app, _options, done) => {
        app.get('/', (_request, reply) => reply.type('text/html').send('<!doctype html>'))
        done()
      },
    },
  )
  const { status, headers, body } = await ask('/')
  t.match({ status, body }, { status: 200, body: '<!doctype html>' })
  t.match(headers, {
    'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  })
})

t.test('the state of the API has its URL and the fingerprint of the certificate', async (t) => {
  const { service, port } = await networkApi(t, { names: 'slipway.example.net' })
  t.match(service.state(), {
    url: `https://slipway.example.net:${port}/`,
    fingerprint: /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/,
  })
  t.same(service.problems(), [])
})
