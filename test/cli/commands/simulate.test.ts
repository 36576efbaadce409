import t from 'tap'
import { simulate } from '../../../src/cli/commands/simulate.ts'
import { siteFolder, sitePath } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

t.test('an address that cannot be that of a relay agent is refused', async (t) => {
  const site = sitePath(t.testdir(siteFolder()))
  const run = (...args: string[]) => simulate.run(args, keptTerminal())
  await t.rejects(run('--relay', 'relay1', site), {
    name: 'UsageError',
    message: '--relay: expected an IPv4 address of this machine, not relay1',
  })
  await t.rejects(run('--relay', '127.0.0.1', site), {
    name: 'UsageError',
    message: '--relay 127.0.0.1: expected another address than that of the server',
  })
})

t.test('an address that this machine does not have is refused', async (t) => {
  const terminal = keptTerminal()
  const site = sitePath(t.testdir(siteFolder()))
  t.equal(await simulate.run(['--node', 'm1', '--relay', '203.0.113.250', site], terminal), 1)
  t.match(terminal.errLines, [/no interface of this machine has the address 203\.0\.113\.250/])
})
