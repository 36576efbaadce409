import t from 'tap'
import { token } from '../../../src/cli/commands/token.ts'
import { controlService } from '../../support/control-service.ts'
import { keptTerminal } from '../../support/terminal.ts'

async function run(path: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await token.run([...args, '--control', path], terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('a token is created, listed, and revoked', async (t) => {
  const { path } = await controlService(t)
  t.same(await run(path, 'list'), { code: 0, out: ['there are no tokens'], err: [] })
  const created = await run(path, 'create', '--scope', 'operate', '--expires', 'never', 'ansible')
  t.match(created, {
    code: 0,
    out: [/^slipway_[0-9a-f]{12}_[\w-]{43}$/],
    err: [/^token [0-9a-f]{12} created: ansible, operate, never expires$/],
  })
  const id = created.out[0]?.split('_')[1] ?? ''
  const listed = await run(path)
  t.match(listed.out, [
    /^ID +name +scope +created +by +expires +last used$/,
    new RegExp(`^${id}  ansible  operate  .+ +local:\\S+ +never    -$`),
  ])
  t.match(JSON.parse((await run(path, 'list', '--json')).out.join('\n')), [{ id, scope: 'operate' }])
  t.same(await run(path, 'revoke', id), { code: 0, out: [`token ${id} revoked`], err: [] })
  t.same(await run(path, 'revoke', id), {
    code: 2,
    out: [],
    err: ['slipway: no token has this id: slipway token list (GET /v1/tokens) shows them'],
  })
})

t.test('a token can expire, and is printed as JSON', async (t) => {
  const { path } = await controlService(t)
  const made = await run(path, 'create', '--json', '--expires', '12h', 'wall')
  t.match(JSON.parse(made.out.join('\n')), {
    ...{ name: 'wall', scope: 'read', expiresAt: Number, token: /^slipway_/ },
  })
  t.match((await run(path, 'create', '--expires', '1d', 'other')).err, [
    /created: other, read, expires \d{4}-/,
  ])
})

t.test('invalid arguments are refused', async (t) => {
  const cases: [string[], string][] = [
    [['create'], 'expected one name of the token'],
    [['create', 'a', 'b'], 'expected one name of the token'],
    [['create', '--scope', 'root', 'a'], '--scope root: expected one of read, operate, admin'],
    [['create', '--expires', '5', 'a'], '--expires 5: expected a time such as 30m, 12h, or 90d, or never'],
    [['revoke'], 'expected the id of a token; "slipway token list" shows it'],
    [['list', 'a'], 'expected create NAME, list, or revoke ID'],
    [['rotate'], 'expected create NAME, list, or revoke ID'],
  ]
  for (const [args, message] of cases) await t.rejects(run('/nonexistent', ...args), { message })
})
