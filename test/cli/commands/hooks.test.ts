import t from 'tap'
import { hooks } from '../../../src/cli/commands/hooks.ts'
import { fakeSlipway } from '../../support/fake-slipway.ts'
import { keptTerminal } from '../../support/terminal.ts'

const states = [
  {
    name: 'chat',
    events: ['node.installed', 'problem.started'],
    target: 'https://chat.example.net',
    ...{ waiting: 2, delivered: 5, failed: 0, dropped: 0 },
    problem: 'chat.example.net: 503 Service Unavailable',
  },
  {
    name: 'ticket',
    events: ['csr.pending'],
    target: '/usr/local/bin/ticket',
    ...{ waiting: 0, delivered: 11, failed: 1, dropped: 0 },
  },
]
const event = { id: 'evt_1', type: 'hook.test' }
const tested = {
  outcome: 'delivered',
  detail: 'chat.example.net: 200 OK',
  output: 'ok\nnoted',
  event,
  durationMs: 42,
}

async function slipwayWith(
  t: Parameters<typeof fakeSlipway>[0],
  list: object = states,
  result: object = tested,
) {
  const { path } = await fakeSlipway(t, {
    'GET /v1/hooks': list,
    'POST /v1/hooks/chat/test': result,
  })
  return async (...args: string[]) => {
    const terminal = keptTerminal()
    const code = await hooks.run([...args, '--control', path], terminal)
    return { code, out: terminal.outLines, err: terminal.errLines }
  }
}

t.test('each hook is listed with its events, counts, and problem', async (t) => {
  const run = await slipwayWith(t)
  t.same(await run(), {
    code: 0,
    out: [
      'chat    https://chat.example.net  5 delivered   2 waiting  0 failed  0 dropped',
      '    node.installed, problem.started',
      '    ! chat.example.net: 503 Service Unavailable',
      'ticket  /usr/local/bin/ticket     11 delivered  0 waiting  1 failed  0 dropped',
      '    csr.pending',
    ],
    err: [],
  })
  t.same(JSON.parse((await run('list', '--json')).out.join('\n')), states)
  const none = await slipwayWith(t, [])
  t.same((await none('list')).out, ['the site has no hooks (key "hooks")'])
})

t.test('a test prints what the receiver returned; the exit status is its result', async (t) => {
  const run = await slipwayWith(t)
  t.same(await run('test', 'chat'), {
    code: 0,
    out: [
      'hook chat accepted the event: chat.example.net: 200 OK (42 ms)',
      '    event evt_1',
      '    | ok',
      '    | noted',
    ],
    err: [],
  })
  t.same(JSON.parse((await run('test', 'chat', '--json')).out.join('\n')), tested)
  const failed = await slipwayWith(t, states, {
    ...{ ...tested, outcome: 'temporary', output: '' },
    detail: 'connection refused',
  })
  t.same(await failed('test', 'chat'), {
    code: 1,
    out: [
      'hook chat failed: connection refused (42 ms)',
      '    event evt_1',
      '    correct the receiver, or the hook in the site file, then test it again',
    ],
    err: [],
  })
  const unknown = await run('test', 'x')
  t.same([unknown.code, unknown.err], [1, ['slipway: no response for POST /v1/hooks/x/test']])
})

t.test('other arguments are refused', async (t) => {
  for (const args of [['x'], ['test'], ['list', 'chat'], ['test', 'chat', 'x']]) {
    await t.rejects(hooks.run(args, keptTerminal()), {
      name: 'UsageError',
      message: 'expected: list, or test and the name of a hook',
    })
  }
})
