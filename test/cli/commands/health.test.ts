import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import type { Test } from 'tap'
import { health } from '../../../src/cli/commands/health.ts'
import { socketPath } from '../../support/control-service.ts'
import { keptTerminal } from '../../support/terminal.ts'

const missing = { code: 'image.kernel-missing', text: 'image rhcos-4.17: it has no kernel' }
const resolver = { code: 'dns.resolver-down', text: 'resolver 192.0.2.1 does not answer' }

/** Runs the command against a slipway with these problems. */
async function run(t: Test, problems: readonly object[], ...args: string[]) {
  const path = socketPath(t)
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ site: 'lab', problems }))
  })
  t.teardown(() => server.close())
  await once(server.listen(path), 'listening')
  const terminal = keptTerminal()
  const code = await health.run(['--control', path, ...args], terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('without problems: ok, exit code 0', async (t) => {
  const ok = { code: 0, out: ['ok: slipway serves lab'], err: [] }
  t.same(await run(t, []), ok)
  t.same(await run(t, [], '--strict'), ok)
})

t.test('a degraded slipway still serves, so that only --strict exits with 1', async (t) => {
  const one = ['degraded: image rhcos-4.17: it has no kernel']
  t.same(await run(t, [missing]), { code: 0, out: one, err: [] })
  const two = ['degraded: image rhcos-4.17: it has no kernel, and 1 other problem: run slipway status']
  t.same(await run(t, [missing, resolver]), { code: 0, out: two, err: [] })
  t.same(await run(t, [missing, resolver], '--strict'), { code: 1, out: two, err: [] })
  const { code, out } = await run(t, [missing], '--strict', '--json')
  t.same([code, JSON.parse(out.join(''))], [1, { status: 'degraded', site: 'lab', problems: [missing] }])
})

t.test('when slipway does not run: one line, exit code 1', async (t) => {
  const terminal = keptTerminal()
  t.equal(await health.run(['--control', socketPath(t)], terminal), 1)
  t.same(terminal.outLines, [])
  t.match(terminal.errLines, [/^slipway: cannot reach slipway at /])
})
