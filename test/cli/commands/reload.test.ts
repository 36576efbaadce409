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
    err: [...reasons, 'slipway: site reload rejected, the current plan stays active'],
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

t.test('an invalid command line is refused', async (t) => {
  await t.rejects(
    reload.run(['site.yaml'], keptTerminal()),
    new UsageError('expected no arguments: slipway reloads the site file that it serves'),
  )
})
