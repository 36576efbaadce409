import t from 'tap'
import { node } from '../../../../src/cli/commands/node/node.ts'
import { controlService } from '../../../support/control-service.ts'
import { keptTerminal } from '../../../support/terminal.ts'
import { until } from '../../../support/until.ts'

async function run(path: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await node.run(['log', ...args, '--control', path], terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('prints what a node sent, oldest first, and what was dropped', async (t) => {
  const { path } = await controlService(t)
  t.same(await run(path, 'w1'), {
    code: 0,
    out: [
      '10:59:00 UTC  kernel: Linux version 5.14.0',
      '10:59:01 UTC  no program',
      '10:59:59 UTC  coreos-installer: no space left',
    ],
    err: ['slipway node log: dropped 2 messages, because ocp45/w1 sent them too fast'],
  })
  t.equal((await run(path, '--lines', '1', 'ocp45/w1')).out.length, 1)
  const { out, err } = await run(path, '--json', '--lines', '1', 'w1')
  t.match(JSON.parse(out.join('')), { severity: 3, app: 'coreos-installer', text: 'no space left' })
  t.same(err, [])
  t.same(await run(path, 'm1'), { code: 0, out: [], err: ['slipway node log: ocp45/m1 has sent no log'] })
})

t.test('a terminal with color shows errors and warnings', async (t) => {
  const { path } = await controlService(t)
  const terminal = { ...keptTerminal(), usesColor: true }
  await node.run(['log', 'w1', '--control', path], terminal)
  const [plain = '', warning = '', error = ''] = terminal.outLines
  t.notMatch(plain, '[33m')
  t.match(warning, '[33mno program')
  t.match(error, '[31mcoreos-installer')
})

t.test('--follow prints later lines, once', async (t) => {
  const { path, logLines } = await controlService(t)
  const terminal = keptTerminal()
  const following = node.run(['log', '--follow', '--lines', '1', 'w1', '--control', path], terminal)
  await until(() => terminal.outLines.length === 1)
  logLines.push({ sequence: 4, at: 0, severity: 6, text: 'later' })
  await until(() => terminal.outLines.length === 2)
  process.emit('SIGINT')
  t.equal(await following, 0)
})

t.test('invalid command lines are refused, and so is a slipway without a receiver', async (t) => {
  const { path } = await controlService(t)
  await t.rejects(run(path), { name: 'UsageError', message: 'expected the name of one node' })
  await t.rejects(run(path, 'w1', 'w2'), { name: 'UsageError' })
  await t.rejects(run(path, '--lines', '0', 'w1'), { message: '--lines 0: expected a number from 1 to 9999' })
  await t.rejects(run(path, 'w9'), { name: 'UsageError', message: /^the site does not declare a node w9/ })
})
