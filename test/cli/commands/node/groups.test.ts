/** Machines of groups in `slipway node add`, `node adopt`, and `node remove`. */
import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { UsageError } from '../../../../src/cli/command.ts'
import { add } from '../../../../src/cli/commands/node/add.ts'
import { decideArming, nextSteps } from '../../../../src/cli/commands/node/add-progress.ts'
import { adopt } from '../../../../src/cli/commands/node/adopt.ts'
import { remove } from '../../../../src/cli/commands/node/remove.ts'
import type { NodeRecord } from '../../../../src/install/installs.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { fakeSlipway, Refused } from '../../../support/fake-slipway.ts'
import { groupSiteText, web1, web2 } from '../../../support/group-site.ts'
import { joiningSnapshot } from '../../../support/joining-node.ts'
import { siteFolder, sitePath } from '../../../support/site-folder.ts'
import { keptTerminal } from '../../../support/terminal.ts'

const values = ['--mac', '00:00:5e:00:53:42', '--address', '192.0.2.42']
const now = Date.UTC(2026, 10, 21, 10)

async function rig(t: Test, text: string, record: Partial<NodeRecord> = {}) {
  const path = sitePath(t.testdir(siteFolder(text)))
  const { details } = joiningSnapshot({ role: 'debian', record }, now)
  const slipway = await fakeSlipway(t, {
    'GET /v1/status': { site: 'lab', nodes: [] },
    'POST /v1/reload': { outcome: 'swapped', nodes: 4, troubles: [] },
    'GET /v1/nodes/web/web2': { ...details, node: 'web/web2', fqdn: 'web2.example.net' },
    'GET /v1/clusters/web': new Refused(404, 'the site does not declare a cluster web'),
    'GET /v1/csrs': [],
  })
  const terminal = keptTerminal()
  const common = ['--control', slipway.path, path]
  return {
    ...{ path, slipway, terminal },
    add: (...args: string[]) => add([...args, ...common], terminal, fakeClock(now)),
    adopt: (...args: string[]) => adopt([path, ...args], terminal),
    remove: (...args: string[]) => remove([...args, ...common], terminal, fakeClock(now)),
    text: () => readFile(path, 'utf8'),
  }
}

t.test('node add adds a machine to its group and follows it until it is installed', async (t) => {
  const { path, terminal, text, ...commands } = await rig(t, groupSiteText(), {
    mode: 'installed',
    since: now + 1000,
    reason: 'its disk is written',
  })
  t.equal(await commands.add('web/web2', ...values), 0)
  t.equal(await text(), groupSiteText(web1 + web2))
  t.match(terminal.outLines, [
    `${path}:24: web/web2 is declared`,
    'site reloaded: 4 nodes',
    /waiting up to 1:00:00 for web\/web2 to be installed$/,
    /installed: its disk is written$/,
    'next: its network boots now start the system on its disk; "slipway node show web/web2" shows all steps',
  ])
  t.same(terminal.errLines, [])
  t.equal(
    await commands.add('web2', '--group', 'web', ...values),
    0,
    'again, with its group in another place',
  )
  t.match(terminal.outLines[5], 'web/web2 is already declared')
})

t.test('node add does not arm a machine whose disk would not be checked', async (t) => {
  const { terminal, slipway, ...commands } = await rig(t, groupSiteText(), {
    mode: 'local',
    code: 'install.disk-not-checked',
    reason: 'nothing looks at its disk before the installer overwrites it: run slipway node install',
  })
  t.equal(await commands.add('web/web2', ...values), 1)
  t.same(slipway.commands, ['POST /v1/reload'])
  t.same(terminal.errLines, [
    'slipway node add: web/web2 is not armed, because nothing looks at its disk before its installer overwrites it: if slipway can overwrite its disk, run "slipway node install web/web2"',
  ])
})

t.test('node adopt writes a machine of a group', async (t) => {
  const { text, terminal, ...commands } = await rig(t, groupSiteText())
  const args = ['--name', 'web2', '--address', '192.0.2.42', '00:00:5e:00:53:42']
  t.equal(await commands.adopt('--group', 'web', ...args), 0)
  t.match(terminal.outLines, [/:24: web\/web2 is declared; run "slipway reload" to serve it$/])
  t.equal(await text(), groupSiteText(web1 + web2))
})

t.test('node remove removes a machine of a group, which no cluster and no backend has', async (t) => {
  const { text, terminal, ...commands } = await rig(t, groupSiteText(web1 + web2))
  t.equal(await commands.remove('web2', '--dry-run'), 0)
  t.equal(await commands.remove('web/web2'), 0)
  t.equal(await text(), groupSiteText())
  t.match(terminal.outLines.slice(-4), [
    'site reloaded: 4 nodes',
    /for HAProxy to drain web\/web2$/,
    /this slipway does not write a load balancer configuration$/,
    'left to do: power off web/web2: it keeps its address for up to 24 h',
  ])
  t.same(terminal.errLines, [])
})

t.test('invalid command lines are refused', async (t) => {
  const excluded = '--group excludes --role and --cluster: machines of a group belong to no cluster'
  const missing = '--role is missing; for a machine of a group, use --group'
  const wrong: [args: string[], message: string][] = [
    [['web2'], missing],
    [['web2', '--cluster', 'web'], missing],
    [['web2', '--group', 'web', '--role', 'worker'], excluded],
    [['web2', '--group', 'web', '--cluster', 'c1'], excluded],
    [['web/web2', '--group', 'db'], 'two groups: web/web2 and --group db'],
    [
      ['web/web2', '--until', 'ready'],
      '--until ready does not apply to a machine of a group: it never joins a cluster',
    ],
  ]
  for (const [args, message] of wrong) {
    await t.rejects(
      add([...args, ...values, '--dry-run'], keptTerminal()),
      new UsageError(message),
      args.join(' '),
    )
  }
})

t.test('the arming and the next steps of a machine that joins no cluster', (t) => {
  const snapshot = joiningSnapshot({ role: 'talos', record: { mode: 'install' } }, now)
  t.equal(decideArming(snapshot, now), 'continue')
  t.match(nextSteps(snapshot.details, 'installed'), [/^its network boots now start the system on its disk/])
  t.end()
})
