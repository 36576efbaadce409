import t from 'tap'
import { showProgress } from '../../../../src/cli/commands/images/call.ts'
import type { Terminal } from '../../../../src/cli/command.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { golden } from '../../../support/golden.ts'

const mebi = 1024 * 1024

/** Two files, one of them begun before and cut off once, as a person sees them. */
function show(isWatched: boolean, total: number | undefined): string {
  const lines: string[] = []
  const clock = fakeClock()
  const terminal: Terminal = {
    out: (line) => void lines.push(line),
    err: (line) => void lines.push(`error: ${line}`),
    usesColor: false,
    columns: 80,
    ...(isWatched && { status: (line: string) => void lines.push(`[${line}]`) }),
  }
  const progress = showProgress(terminal, clock, 'verified')
  const { watch } = progress
  watch({ kind: 'total', octets: total })
  watch({ kind: 'started', file: 'kernel', octets: 0 })
  watch({ kind: 'started', file: 'rootfs', octets: 100 * mebi })
  clock.advance(1000)
  watch({ kind: 'reached', file: 'kernel', octets: 10 * mebi })
  watch({ kind: 'reached', file: 'kernel', octets: 11 * mebi })
  clock.advance(100)
  watch({ kind: 'done', file: 'kernel', octets: 12 * mebi })
  watch({ kind: 'reached', file: 'rootfs', octets: 300 * mebi })
  watch({ kind: 'retry', file: 'rootfs', reason: 'aborted; retrying in 1 s' })
  watch({ kind: 'started', file: 'rootfs', octets: 300 * mebi })
  clock.advance(9000)
  watch({ kind: 'reached', file: 'rootfs', octets: 900 * mebi })
  watch({ kind: 'done', file: 'rootfs', octets: 1000 * mebi })
  progress.end()
  return `${lines.join('\n')}\n`
}

t.test('a bar on a terminal: each line in brackets is replaced by the next', (t) => {
  golden(t, 'images/progress-terminal.txt', show(true, 1012 * mebi))
  t.end()
})

t.test('an amount on a terminal while the total size is unknown', (t) => {
  golden(t, 'images/progress-unknown.txt', show(true, undefined))
  t.end()
})

t.test('lines without a terminal', (t) => {
  golden(t, 'images/progress-lines.txt', show(false, 1012 * mebi))
  t.end()
})
