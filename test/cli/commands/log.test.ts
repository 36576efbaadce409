import t from 'tap'
import { log } from '../../../src/cli/commands/log.ts'
import { controlService } from '../../support/control-service.ts'
import { keptTerminal } from '../../support/terminal.ts'

async function run(path: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await log.run([...args, '--control', path], terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('prints the recorded events of one node with date and time, oldest first', async (t) => {
  const { path } = await controlService(t)
  const { code, out, err } = await run(path, 'w2')
  t.same({ code, err }, { code: 0, err: [] })
  t.equal(out[0], '2026-11-21 10:10:00 UTC  DHCP discover as firmware: offered')
  t.match(out.at(-1), /^2026-11-21 \d\d:\d\d:\d\d UTC {2}the node reports: failed$/)
  t.same((await run(path, '--lines', '2', 'ocp45/w2')).out, out.slice(-2))
  t.equal((await run(path, 'm2')).out.length, 50, 'the default number of lines')
})

t.test('prints JSON lines, and nothing for a node that was not seen', async (t) => {
  const { path } = await controlService(t)
  const { out } = await run(path, '--json', '--lines', '1', 'w2')
  t.match(JSON.parse(out.join('')), { node: 'ocp45/w2', kind: 'callback', stage: 'failed' })
  t.same(await run(path, 'i1'), { code: 0, out: [], err: ['slipway log: ocp45/i1 has not been seen yet'] })
  t.same(await run(path, '--json', 'i1'), { code: 0, out: [], err: [] })
})

t.test('--follow continues after the last event', async (t) => {
  const { path, installs } = await controlService(t)
  const terminal = keptTerminal()
  const following = log.run(['--follow', '--lines', '1', 'w2', '--control', path], terminal)
  while (!terminal.outLines.some((line) => line.includes('script: menu'))) {
    await new Promise((resolve) => setImmediate(resolve))
    if (terminal.outLines.length === 1) installs.observe({ node: 'ocp45/w2', kind: 'script', script: 'menu' })
  }
  process.emit('SIGINT')
  t.equal(await following, 0)
  t.match(terminal.outLines[0], 'the node reports: failed')
  t.equal(terminal.outLines.filter((line) => line.includes('reports: failed')).length, 1)
})

t.test('invalid command lines and unknown nodes are refused', async (t) => {
  const { path } = await controlService(t)
  await t.rejects(run(path), { name: 'UsageError', message: 'expected the name of one node' })
  await t.rejects(run(path, 'w1', 'w2'), { name: 'UsageError' })
  await t.rejects(run(path, '--lines', 'all', 'w1'), {
    message: '--lines all: expected a number from 1 to 999999',
  })
  await t.rejects(run(path, 'w9'), { name: 'UsageError', message: /^the site does not declare a node w9/ })
})
