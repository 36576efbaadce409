import t from 'tap'
import { join } from 'node:path'
import { check } from '../../../src/cli/commands/check.ts'
import { siteFolder, sitePath } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

const config = (cluster: string) => `metadata: { name: ${cluster} }
controlPlane: { fencing: { credentials: [{ hostname: m9, address: 192.0.2.200, password: hunter2 }] } }
`

t.test('the BMCs for fencing in install-config.yaml are compared with the site', async (t) => {
  const folder = t.testdir({ ...siteFolder(), 'install-config.yaml': config('c1') })
  const terminal = keptTerminal()
  const file = join(folder, 'install-config.yaml')
  t.equal(await check.run(['--install-config', file, sitePath(folder)], terminal), 1)
  const printed = [...terminal.outLines, ...terminal.errLines].join('\n')
  t.match(printed, 'controlPlane.fencing names m9, which is not a master of the site')
  t.notMatch(printed, 'hunter2')
})

t.test('a file that is not an install-config.yaml is refused', async (t) => {
  const folder = t.testdir({ ...siteFolder(), 'list.yaml': '- 1\n' })
  const run = (name: string) =>
    check.run(['--install-config', join(folder, name), sitePath(folder)], keptTerminal())
  await t.rejects(run('list.yaml'), {
    name: 'UsageError',
    message: /list\.yaml is not an install-config\.yaml: check/,
  })
  await t.rejects(run('none.yaml'), {
    name: 'UsageError',
    message: /^--install-config: cannot read .*none\.yaml/,
  })
})
