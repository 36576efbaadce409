import t from 'tap'
import { createPage } from '../../../src/serve/page/routes.ts'
import { networkApi } from '../../support/network-api.ts'
import { sampleControl } from '../../support/control-service.ts'

async function pageService(t: Parameters<typeof networkApi>[0]) {
  const { options } = sampleControl()
  const service = await networkApi(t, {}, { page: createPage(options) })
  return { ...service, read: await service.token('read') }
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
    body: { site: 'ocp45-lab', throughput: [] },
  })
  t.same((await ask('/v1/page/load-balancer', { token: read })).body, {})
})

t.test('a node has its boots, those of its siblings, and its next boot without a token', async (t) => {
  const { options } = sampleControl()
  options.installs.preview = () => Promise.resolve({ kind: 'install', role: 'worker', token: 'secret' })
  const haproxy = { servers: [{ node: 'ocp45/w1' }, { node: 'ocp45/w2' }] }
  const condition = () => ({ ...options.condition(), haproxy })
  const service = await networkApi(t, {}, { page: createPage({ ...options, condition }) })
  const token = await service.token('read')
  const { status, body } = await service.ask('/v1/page/nodes/ocp45/w1', { token })
  t.equal(status, 200)
  t.match(body, {
    details: { node: 'ocp45/w1', role: 'worker' },
    siblings: [{ node: 'ocp45/w2' }],
    servers: [{ node: 'ocp45/w1' }],
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
