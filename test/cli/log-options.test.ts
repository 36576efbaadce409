import t from 'tap'
import { UsageError } from '../../src/cli/command.ts'
import { parseLogArguments } from '../../src/cli/log-options.ts'

const limits = { usual: 50, most: 9999 }

t.test('reads the node, and how many of its lines', (t) => {
  t.match(parseLogArguments(['w1'], limits), { name: 'w1', lines: 50, isFollowed: false, isJson: false })
  t.same(
    parseLogArguments(['--lines', '9999', '--follow', '--json', '--control', '/run/c', 'c1/w1'], limits),
    {
      name: 'c1/w1',
      lines: 9999,
      isFollowed: true,
      isJson: true,
      control: '/run/c',
    },
  )
  t.end()
})

t.test('refuses other arguments', (t) => {
  for (const args of [[], ['w1', 'w2']]) {
    t.throws(() => parseLogArguments(args, limits), new UsageError('expected the name of one node'))
  }
  for (const lines of ['0', '-1', '1e3', 'all', '10000']) {
    const message = `--lines ${lines}: expected a number from 1 to 9999`
    t.throws(() => parseLogArguments([`--lines=${lines}`, 'w1'], limits), new UsageError(message))
  }
  t.end()
})
