import { createServer } from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { askControl } from '../../../src/cli/client.ts'
import { reload } from '../../../src/cli/commands/reload.ts'
import { controlService, socketPath } from '../../support/control-service.ts'
import { keptTerminal } from '../../support/terminal.ts'

async function run(path: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await reload.run([...args, '--control', path], terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('an accepted reload prints the number of nodes and what cannot be served', async (t) => {
  const { path, reloads } = await controlService(t)
  t.same(await run(path), { code: 0, out: ['site reloaded: 7 nodes'], err: [] })
  const troubles = ['ocp45/w4: its image has no kernel', 'haproxy, refused: unknown keyword']
  reloads.push({ outcome: 'swapped', nodes: 1, troubles })
  t.same(await run(path), {
    code: 0,
    out: ['site reloaded: 1 node'],
    err: troubles.map((trouble) => `! ${trouble}`),
  })
  const { out } = await run(path, '--json')
  t.same(JSON.parse(out.join('\n')), { outcome: 'swapped', nodes: 7, troubles: [] })
})

t.test('a rejected reload prints every error with its position; exit code 1', async (t) => {
  const { path, reloads } = await controlService(t)
  const reasons = ['/etc/slipway/site.yaml:4:1 racks: unknown key', '/etc/slipway/site.yaml:9:3 x: missing']
  const kept = { outcome: 'kept', reasons } as const
  reloads.push(kept, kept, kept)
  t.same(await run(path), {
    code: 1,
    out: [],
    err: [
      ...reasons,
      'slipway: site reload rejected, the current plan stays active: resolve the problems above, then run "slipway reload"',
    ],
  })
  const { code, out } = await run(path, '--json')
  t.same([code, JSON.parse(out.join('\n'))], [1, kept])
  await t.rejects(askControl(path, '/v1/reload', 'POST'), {
    name: 'ControlProblem',
    message: `site reload rejected: ${reasons.join('; ')}`,
    refusal: { status: 409 },
  })
})

t.test('no server, an unknown route, and no response in time: a sentence, exit code 1', async (t) => {
  t.match(await run(socketPath(t)), { code: 1, err: [/^slipway: cannot reach slipway at /] })
  const { path, service } = await controlService(t)
  t.equal((await run(path)).code, 0)
  await t.rejects(askControl(path, '/v1/reload'), { message: /^GET is not supported at this path/ })
  await service.close(0)
  const silent = createServer(() => undefined)
  t.teardown(() => silent.closeAllConnections())
  t.teardown(() => silent.close())
  const silentPath = socketPath(t)
  silent.listen(silentPath)
  await once(silent, 'listening')
  await t.rejects(askControl(silentPath, '/v1/reload', 'POST', 50), {
    message: `cannot reach slipway at ${silentPath}: no response within 0.05 s`,
    refusal: undefined,
  })
})

t.test('an accepted reload prints what changed, and until when it must be confirmed', async (t) => {
  const { path, reloads, requests } = await controlService(t)
  const item = { action: 'remove', kind: 'node', name: 'c1/w1', details: [], effects: [] } as const
  const changes = { items: [item], restart: [] }
  const confirmBy = new Date(2026, 10, 29, 15, 5).getTime()
  reloads.push({ outcome: 'swapped', nodes: 1, troubles: [], changes, confirmBy })
  t.same(await run(path, '--confirm', '5m'), {
    code: 0,
    out: [
      'site reloaded: 1 node',
      '  - node c1/w1',
      '0 nodes added, 0 changed, 1 removed.',
      'Not confirmed: slipway rolls back at 15:05:00 UTC. To keep the site: slipway confirm',
    ],
    err: [],
  })
  for (const time of ['90s', '24h', '10s']) await run(path, '--confirm', time)
  t.same(requests, ['reload 300000', 'reload 90000', 'reload 86400000', 'reload 10000'])
  for (const time of ['5', '9s', '25h', '1441m', '-5m', 'soon']) {
    await t.rejects(
      run(path, `--confirm=${time}`),
      new UsageError(`--confirm ${time}: expected a time from 10 s to 24 h, such as 30s, 5m, or 1h`),
    )
  }
})

t.test('an invalid command line is refused', async (t) => {
  await t.rejects(
    reload.run(['site.yaml'], keptTerminal()),
    new UsageError('expected no arguments: slipway reloads the site file that it serves'),
  )
})
