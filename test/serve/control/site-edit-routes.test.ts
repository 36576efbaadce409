import t from 'tap'
import { networkApi } from '../../support/network-api.ts'

const w9 = { name: 'w9', role: 'worker', macs: ['00:00:5e:00:53:77'], addresses: ['172.16.0.39'] }
const refusal = { code: 'api.scope-too-small', error: 'to write the site file, the scope must be admin' }

t.test(
  'the scope operate plans changes of the site file, and admin also reads and writes its lines',
  async (t) => {
    const { ask, token } = await networkApi(t)
    const [operate, admin] = [await token('operate'), await token('admin')]
    for (const [path, body] of [
      ['/v1/nodes', w9],
      ['/v1/nodes/remove', { nodes: ['w1'] }],
    ] as const) {
      const send = (used: string, more: object = {}) =>
        ask(path, { method: 'POST', token: used, body: { ...body, ...more } })
      const planned = await send(operate)
      t.match(planned, { status: 200, body: { outcome: 'planned', base: 'abc' } }, path)
      t.notOk('diff' in (planned.body as object), 'a line of the file can be a secret')
      t.match(await send(operate, { base: 'abc' }), { status: 403, body: refusal })
      t.match(await send(admin), { status: 200, body: { outcome: 'planned', diff: [/name: w/] } })
      t.match(await send(admin, { base: 'old' }), { status: 409, body: { code: 'server.site-changed' } })
      t.match(await send(admin, { base: 'abc' }), { status: 200, body: { outcome: 'written' } })
    }
  },
)

t.test('removal of a node that its cluster needs is a conflict, unless it is forced', async (t) => {
  const { ask, token } = await networkApi(t)
  const used = await token('admin')
  const send = (body: object) => ask('/v1/nodes/remove', { method: 'POST', token: used, body })
  t.match(await send({ nodes: ['m1'], base: 'abc' }), {
    ...{ status: 409, body: { code: 'server.removal-refused', reasons: [/control-plane/] } },
  })
  t.match(await send({ nodes: ['m1'], base: 'abc', force: true }), { status: 200 })
  t.match(await send({ nodes: ['w7'] }), { status: 404, body: { code: 'server.unknown-node' } })
  t.match(await send({}), { status: 400, body: { code: 'server.bad-request' } })
})
