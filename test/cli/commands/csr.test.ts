import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { csr } from '../../../src/cli/commands/csr.ts'
import { socketPath } from '../../support/control-service.ts'
import { keptTerminal } from '../../support/terminal.ts'

t.test('slipway csr list, as text and as JSON', async (t) => {
  const path = socketPath(t)
  const clusters = [{ cluster: 'ocp45', approve: 'declared', approved: 2, requests: [] }]
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`)
    response.end(JSON.stringify(clusters))
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const run = async (...args: string[]) => {
    const terminal = keptTerminal()
    t.equal(await csr.run([...args, '--control', path], terminal), 0)
    return terminal.outLines.join('\n')
  }
  t.equal(await run('list'), 'ocp45: none pending, 2 approved')
  t.same(JSON.parse(await run('list', '--json')), clusters)
  t.same(asked, ['GET /v1/csrs', 'GET /v1/csrs'])
})

t.test('an unknown argument, and a slipway that is not running', async (t) => {
  const terminal = keptTerminal()
  for (const args of [['approve'], ['list', 'x']]) {
    await t.rejects(csr.run(args, terminal), { name: 'UsageError', message: 'expected: list' })
  }
  t.equal(await csr.run(['list', '--control', '/nonexistent/socket'], terminal), 1)
  t.match(terminal.errLines, [
    /^slipway: cannot reach slipway at \/nonexistent\/socket: the socket does not exist/,
  ])
})
