import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import t from 'tap'
import { createPage } from '../../../src/serve/page/routes.ts'
import { networkApi } from '../../support/network-api.ts'
import type { Plan } from '../../../src/plan/compile.ts'
import { sampleControl as sample } from '../../support/control-service.ts'

function sampleControl() {
  const { options, ...records } = sample()
  const plan = () =>
    ({ http: { images: new Map() }, nodes: [], bmcs: new Map([['ocp45/w1', {}]]) }) as unknown as Plan
  const condition = () => ({ ...options.condition(), counters: {} })
  return { options: { ...options, condition, plan }, ...records }
}

async function pageService(t: Parameters<typeof networkApi>[0]) {
  const { options } = sampleControl()
  const service = await networkApi(t, {}, { page: createPage(options) })
  return { ...service, clock: options.clock, read: await service.token('read') }
}

t.test('the files of the page need no user, load only from this server, and are compressed', async (t) => {
  const { ask } = await pageService(t)
  const { status, headers, body } = await ask('/')
  t.equal(status, 200)
  t.match(headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': /default-src 'none'; script-src 'self'; style-src 'self';/,
    'cache-control': 'no-cache',
    vary: 'accept-encoding',
  })
  const html = body as unknown as string
  const paths = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path)
  t.ok(paths.length > 10, 'the modules are named, so that the browser loads them at once')
  for (const path of paths) t.equal((await ask(path)).status, 200, path)
  t.notMatch(html, /(?:src|href)="(?!\/|#)/, 'no other host')

  const compressed = await ask('/page/page.css', { headers: { 'accept-encoding': 'br, gzip' } })
  t.equal(compressed.headers['content-encoding'], 'gzip')
  const etag = String(compressed.headers.etag)
  t.equal((await ask('/page/page.css', { headers: { 'if-none-match': etag } })).status, 304)
  t.equal((await ask('/page/none.js')).status, 401, 'other paths need a user')
})

t.test('the data of the page needs a user', async (t) => {
  const { ask, read } = await pageService(t)
  for (const path of [
    '/v1/page/feed',
    '/v1/page/nodes/ocp45/w1',
    '/v1/page/server',
    '/v1/page/load-balancer',
  ]) {
    t.equal((await ask(path)).status, 401, path)
  }
  t.match(await ask('/v1/page/server', { token: read }), {
    status: 200,
    body: { site: 'ocp45-lab', images: [], throughput: [] },
  })
  t.same((await ask('/v1/page/load-balancer', { token: read })).body, {})
})

t.test('a node has its boots, those of its siblings, and its next boot without a token', async (t) => {
  const { options } = sampleControl()
  options.installs.preview = () => Promise.resolve({ kind: 'install', role: 'worker', token: 'secret' })
  const haproxy = { servers: [{ node: 'ocp45/w1' }, { node: 'ocp45/w2' }] }
  const drained = [{ node: 'ocp45/w1', since: 1, by: 'token:anna' }]
  const condition = () => ({ ...options.condition(), haproxy, drained })
  const service = await networkApi(t, {}, { page: createPage({ ...options, condition }) })
  const token = await service.token('read')
  const { status, body } = await service.ask('/v1/page/nodes/ocp45/w1', { token })
  t.equal(status, 200)
  t.match(body, {
    details: { node: 'ocp45/w1', role: 'worker' },
    siblings: [{ node: 'ocp45/w2' }],
    servers: [{ node: 'ocp45/w1' }],
    drained: { by: 'token:anna' },
    hasBmc: true,
    hasSyslog: false,
  })
  t.same(body['nextBoot'], { kind: 'install', role: 'worker' })
  t.same((await service.ask('/v1/page/load-balancer', { token })).body, haproxy)

  t.match(await service.ask('/v1/page/nodes/ocp45/w9', { token }), {
    status: 404,
    body: { code: 'server.unknown-node', error: 'the site has no node ocp45/w9' },
  })
})

t.test('a next boot without an installation has its reason', async (t) => {
  const { options } = sampleControl()
  const answer = { kind: 'wait', reason: 'waits until ocp45/bs serves', canSkip: true } as const
  options.installs.preview = () => Promise.resolve(answer)
  const service = await networkApi(t, {}, { page: createPage(options) })
  const { body } = await service.ask('/v1/page/nodes/ocp45/w1', { token: await service.token('read') })
  t.same(body['nextBoot'], answer)
})

t.test('a page gets the live state of all nodes, also after the id of another start', async (t) => {
  const { port, read, clock } = await pageService(t)
  for (const path of ['/v1/page/feed', '/v1/page/feed?after=00000000-7']) {
    const headers = { authorization: `Bearer ${read}` }
    const asked = request({ host: '127.0.0.1', port, path, headers, rejectUnauthorized: false, agent: false })
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    t.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8')
    clock.advance(5000)
    let received = ''
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      received += Buffer.from(chunk).toString()
      if (received.includes('"ocp45/w1"')) break
    }
    t.match(received, /^retry: 1000\n/)
    asked.destroy()
  }
})

t.test('the number of open pages is limited', async (t) => {
  const { ask, port, read } = await pageService(t)
  const headers = { authorization: `Bearer ${read}` }
  const open = Array.from({ length: 32 }, async () => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path: '/v1/page/feed',
      headers,
      rejectUnauthorized: false,
      agent: false,
    })
    asked.end()
    await once(asked, 'response')
    return asked
  })
  const opened = await Promise.all(open)
  t.match(await ask('/v1/page/feed', { token: read }), {
    status: 503,
    body: {
      code: 'server.too-many-event-streams',
      error: '32 pages are open, the maximum: close one of them',
    },
  })
  for (const asked of opened) asked.destroy()
})
