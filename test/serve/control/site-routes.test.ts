import t from 'tap'
import { ask, controlService } from '../../support/control-service.ts'

const json = { 'content-type': 'application/json' }

t.test('requests that are not valid', async (t) => {
  const { path, requests } = await controlService(t)
  for (const confirm of ['9', '86401', 'soon', '']) {
    for (const route of ['/v1/reload?', '/v1/rollback?number=1&']) {
      t.match(await ask(path, `${route}confirm=${confirm}`, 'POST'), {
        status: 400,
        body: { code: 'server.bad-request', error: 'confirm must be a number of seconds from 10 to 86400' },
      })
    }
  }
  t.match(await ask(path, '/v1/rollback?number=-1', 'POST'), {
    status: 400,
    body: { code: 'server.bad-request', error: 'number must be a number of the history' },
  })
  const bodies = [
    { path: 'site.yaml', text: '' },
    { path: '/site.yaml' },
    { text: '' },
    { path: 7, text: '' },
  ]
  for (const body of bodies) {
    t.match(await ask(path, '/v1/plan', 'POST', json, JSON.stringify(body)), {
      status: 400,
      body: { code: 'server.bad-path', error: 'the body must have an absolute path, and a text' },
    })
  }
  t.same(requests, [])
})

t.test('a plan of the site file, and of a text that is as large as a site file can be', async (t) => {
  const { path } = await controlService(t)
  t.match(await ask(path, '/v1/plan', 'POST'), {
    status: 200,
    body: { outcome: 'compared', troubles: [/^w9/] },
  })
  const text = '\n'.repeat(4 * 1024 * 1024)
  const large = JSON.stringify({ path: '/site.yaml', text })
  t.match(await ask(path, '/v1/plan', 'POST', json, large), { status: 200 })
  const wrong = JSON.stringify({ path: '/site.yaml', text: 'wrong' })
  t.same(await ask(path, '/v1/plan', 'POST', json, wrong), {
    status: 409,
    body: {
      code: 'server.plan-rejected',
      error: '/site.yaml:1:1 wrong; /site.yaml:2:1 also wrong',
      reasons: ['/site.yaml:1:1 wrong', '/site.yaml:2:1 also wrong'],
    },
  })
})

t.test('the commands confirm, rollback, and history print their results', async (t) => {
  const { path, reloads, confirmations, requests } = await controlService(t)
  t.same(await ask(path, '/v1/confirm', 'POST'), { status: 200, body: { outcome: 'confirmed' } })
  confirmations.push({ outcome: 'refused', code: 'server.nothing-to-confirm', reason: 'no reload waits' })
  t.same(await ask(path, '/v1/confirm', 'POST'), {
    status: 409,
    body: { code: 'server.nothing-to-confirm', error: 'no reload waits' },
  })
  t.match(await ask(path, '/v1/rollback', 'POST'), { status: 200, body: { outcome: 'swapped', nodes: 6 } })
  reloads.push({ outcome: 'kept', reasons: ['a', 'b'] })
  t.same(await ask(path, '/v1/rollback?number=2', 'POST'), {
    status: 409,
    body: { code: 'server.rollback-rejected', error: 'rollback rejected: a; b', reasons: ['a', 'b'] },
  })
  t.same(requests, ['rollback 1', 'rollback 2'])
  t.match(await ask(path, '/v1/history'), { status: 200, body: [{ number: 0 }, { number: 1 }] })
})
