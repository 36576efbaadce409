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

t.test('--mac is for machines that the site file does not declare', async (t) => {
  const site = sitePath(t.testdir(siteFolder()))
  const refused = (message: string, ...args: string[]) =>
    t.rejects(simulate.run([...args, site], keptTerminal()), { name: 'UsageError', message })
  await refused('--mac: expected a MAC address, not w1', '--mac', 'w1')
  const declared = '00:00:5e:00:53:02'
  await refused(`--mac ${declared}: the site declares it as node c1/w1; use --node c1/w1`, '--mac', declared)
  const both = '--mac is for a machine that the site file does not declare: omit --node and --loader'
  await refused(both, '--mac', '52:54:00:12:34:56', '--node', 'w1')
  await refused(both, '--mac', '52:54:00:12:34:56', '--loader', 'grub')
})

t.test('an undeclared machine behind a relay agent that this machine is not', async (t) => {
  const terminal = keptTerminal()
  const site = sitePath(t.testdir(siteFolder()))
  const args = ['--mac', '52:54:00:12:34:56', '--relay', '203.0.113.250', site]
  t.equal(await simulate.run(args, terminal), 1)
  t.match(terminal.errLines, [/no interface of this machine has the address 203\.0\.113\.250/])
})
