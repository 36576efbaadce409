import t from 'tap'
import { ControlProblem } from '../../src/cli/client.ts'
import { withJsonResult } from '../../src/cli/json-result.ts'
import type { Terminal } from '../../src/cli/command.ts'
import { keptTerminal } from '../support/terminal.ts'

async function resultOf(run: (terminal: Terminal) => Promise<number>, isJson = true) {
  const terminal = keptTerminal()
  const code = await withJsonResult(isJson, { node: 'w4' }, terminal, run)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('JSON is the only text on standard output, and progress goes to standard error', async (t) => {
  const { code, out, err } = await resultOf((terminal) => {
    terminal.out('w4 is declared')
    terminal.err('time limit reached')
    return Promise.resolve(6)
  })
  t.equal(code, 6)
  t.same(JSON.parse(out.join('\n')), {
    node: 'w4',
    outcome: 'timed-out',
    lines: ['w4 is declared'],
    problems: ['time limit reached'],
  })
  t.same(err, ['w4 is declared', 'time limit reached'])
})

t.test('each exit code has a name', async (t) => {
  for (const [code, outcome] of [
    [0, 'done'],
    [1, 'failed'],
    [8, 'interrupted'],
  ] as const) {
    const { out } = await resultOf(() => Promise.resolve(code))
    t.match(JSON.parse(out.join('\n')), { outcome })
  }
})

t.test('a slipway that is not running is a problem in the JSON', async (t) => {
  const { code, out } = await resultOf(() => Promise.reject(new ControlProblem('slipway is not running')))
  t.equal(code, 1)
  t.match(JSON.parse(out.join('\n')), { outcome: 'failed', problems: ['slipway is not running'] })
  await t.rejects(
    resultOf(() => Promise.reject(new TypeError('a defect'))),
    TypeError,
  )
})

t.test('without --json, the command prints as it does', async (t) => {
  const { out } = await resultOf((terminal) => {
    terminal.out('w4 is declared')
    return Promise.resolve(0)
  }, false)
  t.same(out, ['w4 is declared'])
})
