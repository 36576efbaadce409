import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Terminal } from '../../src/cli/command.ts'
import { createPager, runPaged, type Pager } from '../../src/cli/pager.ts'
import { runCommandLine } from '../../src/cli/run.ts'
import { keptTerminal } from '../support/terminal.ts'

/** A pager that records its texts. */
function kept(isThere = true) {
  const texts: string[] = []
  const pager: Pager = (text) => {
    texts.push(text)
    return Promise.resolve(isThere)
  }
  return { texts, pager }
}

const printing =
  (...lines: string[]) =>
  (terminal: Terminal): Promise<number> => {
    for (const line of lines) terminal.out(line)
    terminal.err('a warning')
    return Promise.resolve(3)
  }

t.test('only output that is longer than the screen is shown in the pager', async (t) => {
  const { texts, pager } = kept()
  const terminal = { ...keptTerminal({ rows: 5, columns: 20 }), status: () => {} }
  t.equal(await runPaged(printing('one', 'two', 'three'), terminal, pager), 3)
  t.same([terminal.outLines, terminal.errLines, texts], [['one', 'two', 'three'], ['a warning'], []])
  t.equal(await runPaged(printing('x'.repeat(61), 'two'), terminal, pager), 3)
  t.same(texts, [`${'x'.repeat(61)}\ntwo\na warning\n`], 'a line that the terminal breaks has several rows')
  t.equal(terminal.outLines.length, 3)
})

t.test('errors that do not go to the terminal are not shown in the pager', async (t) => {
  const { texts, pager } = kept()
  const terminal = keptTerminal({ rows: 3 })
  await runPaged(printing('one', 'two', 'three'), terminal, pager)
  t.same([texts, terminal.errLines], [['one\ntwo\nthree\n'], ['a warning']])
})

t.test('without a pager, a terminal, or at an error, the output is printed', async (t) => {
  const lines = ['one', 'two', 'three', 'four']
  for (const [rows, pager] of [
    [3, undefined],
    [undefined, kept().pager],
    [3, kept(false).pager],
  ] as const) {
    const terminal = keptTerminal(rows === undefined ? {} : { rows })
    t.equal(await runPaged(printing(...lines), terminal, pager), 3)
    t.same([terminal.outLines, terminal.errLines], [lines, ['a warning']])
  }
  const terminal = keptTerminal({ rows: 3 })
  const failing = async (shown: Terminal): Promise<number> => {
    shown.out('one')
    await Promise.reject(new Error('no'))
    return 0
  }
  await t.rejects(runPaged(failing, terminal, kept().pager), { message: 'no' })
  t.same(terminal.outLines, ['one'])
})

t.test('the pager is $SLIPWAY_PAGER, $PAGER, or less; cat or an empty value disables it', async (t) => {
  t.equal(createPager({ PAGER: 'cat' }), undefined)
  t.equal(createPager({ PAGER: 'less', SLIPWAY_PAGER: '' }), undefined)
  t.equal(createPager({ TERM: 'dumb' }), undefined)
  t.ok(createPager({}))
  const file = `${t.testdir()}/text`
  const { PATH } = process.env
  t.equal(await createPager({ PATH, PAGER: `{ echo "$LESS"; cat; } > '${file}'` })?.('text\n'), true)
  t.equal(readFileSync(file, 'utf8'), 'FRX\ntext\n')
  t.equal(await createPager({ PATH, PAGER: 'no-such-pager 2>/dev/null' })?.('text'), false)
  t.equal(await createPager({ PATH, PAGER: 'true' })?.('text '.repeat(100_000)), true, 'it was closed early')
})

t.test('help is shown in the pager, and --no-pager prints it', async (t) => {
  const { texts, pager } = kept()
  const terminal = keptTerminal({ rows: 10 })
  t.equal(await runCommandLine(['help'], terminal, pager), 0)
  t.equal(await runCommandLine(['check', '--help'], terminal, pager), 0)
  t.match(texts, [/^Usage: slipway COMMAND/, /^Usage: slipway check[^]*--no-pager/])
  t.same(terminal.outLines, [])
  t.equal(await runCommandLine(['check', '--help', '--no-pager'], terminal, pager), 0)
  t.equal(texts.length, 2)
  t.match(terminal.outLines[0], 'Usage: slipway check')
})
