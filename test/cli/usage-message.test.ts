import { parseArgs } from 'node:util'
import t from 'tap'
import { UsageError, type Help } from '../../src/cli/command.ts'
import { unknownCommand, usageMessage } from '../../src/cli/usage-message.ts'

const help: Help = {
  usage: ['x'],
  about: [],
  options: [
    ['--mac MAC', 'MAC address'],
    ['--json', 'print JSON'],
  ],
  exit: [],
  examples: [],
}

/** Returns the message about arguments that node:util refuses. */
function messageOf(...args: string[]): string | undefined {
  try {
    parseArgs({ args, options: { mac: { type: 'string', short: 'm' }, json: { type: 'boolean' } } })
  } catch (error) {
    return usageMessage(error, help)
  }
  return 'accepted'
}

t.test('an invalid option gets a message of slipway, with a suggestion', (t) => {
  t.equal(messageOf('--jsno'), 'unknown option --jsno (did you mean --json?)')
  t.equal(messageOf('--hlep'), 'unknown option --hlep (did you mean --help?)')
  t.equal(messageOf('-x'), 'unknown option -x')
  t.equal(messageOf('--mac'), '--mac: expected a value')
  t.equal(messageOf('--mac', '--json'), '--mac: expected a value')
  t.equal(messageOf('--json=yes'), '--json: expected no value')
  t.equal(messageOf('w1'), 'unexpected argument w1')
  t.equal(usageMessage(new UsageError('no'), help), 'no')
  t.end()
})

t.test('other errors are not about the command line', (t) => {
  t.equal(usageMessage(new Error('x'), help), undefined)
  t.equal(usageMessage(new TypeError('x'), help), undefined)
  t.equal(usageMessage(Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' }), help), undefined)
  t.end()
})

t.test('an unknown command gets the nearest one, or the one with the same purpose', (t) => {
  const known = ['check', 'serve', 'status']
  t.equal(unknownCommand('chek', known), 'unknown command "chek" (did you mean check?)')
  t.equal(unknownCommand('list', known), 'unknown command "list" (did you mean status?)')
  t.equal(unknownCommand('toString', known), 'unknown command "toString"')
  t.end()
})
