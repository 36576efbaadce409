import t from 'tap'
import { checkLines, summaryLine } from '../../../src/cli/text/checks.ts'
import type { CheckResult } from '../../../src/preflight/check.ts'

const results: readonly CheckResult[] = [
  { check: 'ports', status: 'ok', text: 'udp port 67 is free' },
  {
    check: 'clock',
    status: 'warning',
    code: 'preflight.clock-not-synchronized',
    text: 'the clock of this machine is not synchronized',
    remedy: 'Start a time service: timedatectl set-ntp true',
  },
  { check: 'resolvers', status: 'failure', code: 'x.y', text: 'resolver \u001b[2J: no answer' },
]

t.test('prints a wrapped line for each result, with what to do below', (t) => {
  t.same(checkLines(results, { columns: 60, usesColor: false }), [
    'ok       ports      udp port 67 is free',
    'warning  clock      the clock of this machine is not',
    '                    synchronized',
    '                    -> Start a time service: timedatectl',
    '                    set-ntp true',
    'failure  resolvers  resolver ?[2J: no answer',
  ])
  t.ok(checkLines(results, { columns: 60, usesColor: true })[0]?.startsWith('\u001b[32mok     '))
  t.equal(summaryLine(results), '1 ok, 1 warning, 1 failure')
  t.end()
})
