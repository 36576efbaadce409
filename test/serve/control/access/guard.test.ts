import t from 'tap'
import { networkApi, type Asked } from '../../../support/network-api.ts'

const change = { path: '/v1/nodes/ocp45/w1/menu', method: 'POST' } as const

t.test(
  'DNS rebinding: a URL with the name of another site is refused before the user is checked',
  async (t) => {
    const { ask, port, token, setPlan } = await networkApi(t, { names: 'slipway.example.net' })
    const used = await token('read')
    const status = async (host: string) => (await ask('/v1/nodes', { token: used, headers: { host } })).status
    for (const host of [
      'slipway.example.net',
      `SLIPWAY.example.net.:${port}`,
      '127.0.0.1:8443',
      'localhost',
      '[::1]:8443',
      '172.16.0.101',
    ]) {
      t.equal(await status(host), 200, host)
    }
    for (const host of ['evil.example.net', 'slipway.example.net.evil.net', '10.0.0.1', '[::2]', 'a:b:c']) {
      t.equal(await status(host), 421, host)
    }
    t.match(await ask('/', { headers: { host: 'evil.example.net' } }), {
      status: 421,
      body: {
        code: 'api.unknown-host',
        error: 'the server does not have the name "evil.example.net": use a name of api.names',
      },
    })
    setPlan({ names: 'new.example.net' })
    t.equal(await status('new.example.net'), 200, 'a reload changes the names')
    t.equal(await status('slipway.example.net'), 421)
  },
)

t.test('CSRF: a request of a page of another site is refused, even with valid credentials', async (t) => {
  const { ask, port, token } = await networkApi(t)
  const used = await token('operate')
  const own = `127.0.0.1:${port}`
  const cases: [number, Record<string, string>][] = [
    [200, {}],
    [200, { origin: `https://${own}`, 'sec-fetch-site': 'same-origin' }],
    [200, { 'sec-fetch-site': 'none' }],
    [403, { origin: 'https://evil.example.net' }],
    [403, { origin: `http://${own}` }],
    [403, { origin: 'null' }],
    [403, { origin: 'https://evil.example.net', host: 'evil.example.net' }],
    [403, { 'sec-fetch-site': 'cross-site' }],
    [403, { 'sec-fetch-site': 'same-site' }],
  ]
  for (const [expected, headers] of cases) {
    const { status } = await ask(change.path, { method: 'POST', token: used, headers })
    t.equal(status === 421 ? 403 : status, expected, JSON.stringify(headers))
  }
  const login = { method: 'POST', body: { token: used }, headers: { origin: 'https://evil.example.net' } }
  t.match(await ask('/v1/session', login), { status: 403, body: { code: 'api.cross-site-request' } })
})

t.test('CSRF: a session changes something only with its CSRF token, and reads without it', async (t) => {
  const { ask, token, lines } = await networkApi(t)
  const login = await ask('/v1/session', { method: 'POST', body: { token: await token('operate', 'wall') } })
  t.match(login, { status: 200, body: { user: 'token:wall', scope: 'operate', csrf: String } })
  const [cookie = ''] = login.headers['set-cookie'] ?? []
  t.match(
    cookie,
    /^__Host-slipway=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=604800$/,
    'scripts cannot read the cookie, and other sites cannot use it',
  )
  const sent = { cookie: cookie.split(';')[0] ?? '' }
  const csrf = String(login.body['csrf'])
  t.match(await ask('/v1/session', { headers: sent }), { status: 200, body: { user: 'token:wall', csrf } })
  const attempts: [number, Record<string, string>][] = [
    [403, {}],
    [403, { 'slipway-csrf': '' }],
    [403, { 'slipway-csrf': csrf.toLowerCase() }],
    [200, { 'slipway-csrf': csrf }],
  ]
  for (const [expected, headers] of attempts) {
    const { status, body } = await ask(change.path, { method: 'POST', headers: { ...sent, ...headers } })
    t.equal(status, expected, JSON.stringify(headers))
    if (status === 403) t.equal(body['code'], 'api.csrf-token')
  }
  t.notMatch(lines.join('\n'), csrf, 'the log has no secret')
  const other = await ask('/v1/session', { method: 'POST', body: { token: await token('operate') } })
  const stolen = { 'slipway-csrf': String(other.body['csrf']) }
  t.match(await ask(change.path, { method: 'POST', headers: { ...sent, ...stolen } }), { status: 403 })

  const logout = { method: 'DELETE', headers: { ...sent, 'slipway-csrf': csrf } }
  t.match(await ask('/v1/session', logout), { status: 200, headers: { 'set-cookie': [/Max-Age=0$/] } })
  t.match(await ask('/v1/session', { headers: sent }), { status: 401 }, 'the session has ended on the server')
})

t.test('a login needs a token, as JSON', async (t) => {
  const { ask, token } = await networkApi(t)
  const bad: Asked[] = [{}, { body: { token: 1 } }, { body: [] }, { body: { user: 'alice' } }]
  for (const asked of bad) {
    t.match(await ask('/v1/session', { method: 'POST', ...asked }), {
      status: 400,
      body: { error: 'expected a JSON document with a token' },
    })
  }
  t.match(await ask('/v1/session', { method: 'POST', body: { token: 'wrong' } }), {
    status: 401,
    body: { code: 'api.not-authenticated' },
  })
  const [value] = [await token('read')]
  t.match(await ask('/v1/session', { method: 'POST', body: { token: ` ${value}\n` } }), { status: 200 })
  t.match(await ask('/v1/session', { token: value }), { status: 200, body: { user: 'token:read' } })
  const end = await ask('/v1/session', { method: 'DELETE', token: value })
  t.match(end, { status: 200 }, 'without a session, there is nothing to end')
})

t.test('caching, framing: responses of every kind forbid both', async (t) => {
  const { ask, token } = await networkApi(t)
  const used = await token('read')
  const responses = [
    await ask('/v1/nodes', { token: used }),
    await ask('/v1/nodes'),
    await ask('/nope', { token: used }),
    await ask('/v1/tokens', { token: used }),
    await ask('/%', { token: used }),
  ]
  for (const { status, headers } of responses.slice(0, 4)) {
    t.match(
      headers,
      {
        'cache-control': 'no-store',
        'x-frame-options': 'DENY',
        'content-security-policy': /frame-ancestors 'none'/,
      },
      `${status}`,
    )
    t.notHas(headers, 'access-control-allow-origin')
  }
  t.equal(responses[4]?.status, 400)
})
