import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { z } from 'zod'
import { openApiDocument } from '../../../../src/serve/control/openapi/document.ts'
import { operations } from '../../../../src/serve/control/openapi/operations.ts'
import { errorBody } from '../../../../src/serve/control/openapi/schemas.ts'
import { askHttps, networkApi } from '../../../support/network-api.ts'

t.test('docs/openapi.json is the description that the API serves (UPDATE=1 writes it)', async (t) => {
  const file = new URL('../../../../docs/openapi.json', import.meta.url)
  const document = openApiDocument()
  if (process.env['UPDATE'] === '1') writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`)
  t.same(JSON.parse(readFileSync(file, 'utf8')), document)
  const { ask, token } = await networkApi(t)
  t.same((await ask('/v1/openapi.json', { token: await token('read') })).body, document)
})

t.test('every route has an operation with its scope, and every operation a route', async (t) => {
  const { port, token } = await networkApi(t)
  const admin = await token('admin')
  const used = { read: await token('read'), operate: await token('operate'), admin, public: admin }
  const smaller = { operate: used.read, admin: used.operate }
  for (const { id, method, path, scope, response } of operations) {
    if (response === 'events') continue
    const target = path.replace(/\{\w+\}/g, 'x')
    const asked = { method: method.toUpperCase(), ...(id === 'compareSite' ? {} : { body: {} }) }
    const { status } = await askHttps(port, target, { ...asked, token: used[scope] })
    t.notOk([401, 403, 405].includes(status ?? 0), `${id} with ${scope}: ${status}`)
    if (scope === 'operate' || scope === 'admin') {
      t.equal(
        (await askHttps(port, target, { ...asked, token: smaller[scope] })).status,
        403,
        `${id} with less`,
      )
    }
  }
  const sources = [
    'routes.ts',
    'node-routes.ts',
    'site-edit-routes.ts',
    'cluster-routes.ts',
    'power-routes.ts',
    'site-routes.ts',
    'state-routes.ts',
    'capture-route.ts',
    'access/routes.ts',
  ].map((name) => readFileSync(new URL(`../../../../src/serve/control/${name}`, import.meta.url), 'utf8'))
  const routes = [...sources.join('').matchAll(/app\.(get|post|delete)[^(]*\(\s*'([^']+)'/g)]
  const described = operations.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`)
  t.same(routes.map(([, method, path]) => `${method} ${path}`).sort(), described.sort())
})

/** Requests that the sample nodes answer. */
const samples: Readonly<
  Record<string, { readonly path?: string; readonly body?: object; readonly status?: number }>
> = {
  commandNode: { path: '/v1/nodes/ocp45/w1/menu' },
  getPower: { path: '/v1/nodes/ocp45/w1/power' },
  switchPower: { path: '/v1/nodes/ocp45/w1/power/cycle?boot=network' },
  setBoot: { path: '/v1/nodes/ocp45/w1/power/boot?boot=network' },
  trustBmc: { path: `/v1/nodes/ocp45/w1/power/trust?fingerprint=AA${':AA'.repeat(31)}` },
  commandBootstrap: { path: '/v1/clusters/ocp45/bootstrap/out' },
  getSiteFile: { path: '/v1/history/1' },
  backUpState: { path: '/v1/state/backup?path=state.db' },
  adoptMachine: {
    body: { name: 'w9', role: 'worker', macs: ['00:00:5e:00:53:77'], addresses: ['172.16.0.39'] },
  },
  removeNodes: { body: { nodes: ['w1'] } },
  approveCertificateRequest: { path: '/v1/clusters/ocp45/csrs/csr-a/approve' },
  createToken: { body: { name: 'ci', scope: 'read' } },
  compareSite: { body: { path: '/site.yaml', text: 'w9' } },
  rollBackSite: { path: '/v1/rollback?number=1' },
  revokeToken: { path: '/v1/tokens/000000000000', status: 404 },
  testHook: { path: '/v1/hooks/chat/test' },
  getCluster: { path: '/v1/clusters/ocp45' },
}

t.test('each response has the form that the description gives', async (t) => {
  const { ask, token } = await networkApi(t, {}, { stateDirectory: t.testdir() })
  const used = await token('admin')
  for (const { id, method, path, response } of operations) {
    if (typeof response === 'string') continue
    const { path: sample, body, status = 200 } = samples[id] ?? {}
    const target = sample ?? path.replace('{cluster}', 'ocp45').replace('{node}', 'w1')
    const login = id === 'logIn' ? { token: used } : body
    const answer = await ask(target, { method: method.toUpperCase(), token: used, body: login })
    t.equal(answer.status, status, `${method} ${target}`)
    const result = (status === 200 ? response : errorBody).safeParse(answer.body)
    t.ok(result.success, `${id}: ${result.success ? 'valid' : z.prettifyError(result.error)}`)
  }
})

t.test('a method that a path does not have gets 405, with those that it has', async (t) => {
  const { ask, token } = await networkApi(t)
  const used = await token('read')
  t.match(await ask('/v1/nodes/ocp45/w1?x=1', { method: 'PUT', token: used }), {
    status: 405,
    headers: { allow: 'GET, HEAD' },
    body: { code: 'server.method-not-allowed' },
  })
  t.match(await ask('/v1/nodes/ocp45/w1/events', { method: 'DELETE', token: used }), {
    ...{ status: 405, headers: { allow: 'GET, HEAD' } },
  })
  const twice = '/v1/state/backup?path=a&path=b'
  t.match(await ask(twice, { method: 'POST', token: await token('admin') }), { status: 400 }, 'no list')
  t.match(await ask('/v1/nodes/ocp45', { method: 'PUT', token: used }), { status: 404 })
})
