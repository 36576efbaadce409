import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { UsageError } from '../../../../src/cli/command.ts'
import { node } from '../../../../src/cli/commands/node/node.ts'
import { remove } from '../../../../src/cli/commands/node/remove.ts'
import type { MemberReport } from '../../../../src/cluster/report.ts'
import type { BalancedServer, BalancerReport } from '../../../../src/cli/client.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { fakeSlipway, Refused } from '../../../support/fake-slipway.ts'
import { siteFolder, sitePath, siteText } from '../../../support/site-folder.ts'
import { keptTerminal } from '../../../support/terminal.ts'

const w2 = '      - { name: w2, role: worker, mac: "00:00:5e:00:53:03", address: 192.0.2.22 }\n'

function server(name: string, more: Partial<BalancedServer> = {}): BalancedServer {
  const common = {
    node: `c1/${name}`,
    backend: 'workerhttp',
    server: name,
    isUp: true,
    isLeaving: false,
    connections: 0,
  }
  return { ...common, status: 'UP', sentence: `workerhttp ${name} ${more.status}`, ...more }
}

/** A slipway that serves a master and two workers, and time that goes on as fast as it is waited for. */
async function rig(t: Test, text = siteText(undefined, w2)) {
  const path = sitePath(t.testdir(siteFolder(text)))
  const clock = fakeClock()
  let haproxy: BalancerReport | undefined = {
    applied: { outcome: 'reloaded' },
    servers: [server('w1'), server('w2')],
  }
  let members: readonly MemberReport[] = [{ node: 'c1/m1', state: 'ready' }]
  const slipway = await fakeSlipway(t, {
    'GET /v1/status': () => ({ site: 'lab', nodes: [], ...(haproxy && { haproxy }) }),
    'GET /v1/clusters/c1': () => ({ members }),
    'POST /v1/reload': { outcome: 'swapped', nodes: 2, troubles: [] },
  })
  const terminal = keptTerminal()
  const pass = async (isOver: () => boolean): Promise<void> => {
    while (!isOver()) {
      clock.advance(clock.nextDelay() ?? 0)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return {
    path,
    slipway,
    terminal,
    balance: (next: Partial<BalancerReport> | undefined) =>
      void (haproxy = next && { applied: { outcome: 'told' }, servers: [], ...next }),
    know: (...next: MemberReport[]) => void (members = next),
    run: (...args: string[]) => remove([...args, '--control', slipway.path, path], terminal, clock),
    said: (text: string) => pass(() => terminal.outLines.some((line) => line.includes(text))),
    end: async (command: Promise<number>) => {
      let code: number | undefined
      void command.then((ended) => (code = ended))
      await pass(() => code !== undefined)
      return code
    },
  }
}

t.test(
  'a node is removed from the site file and the active plan, and followed until its last connection ends',
  async (t) => {
    const { path, run, said, end, balance, slipway, terminal } = await rig(t)
    slipway.routes['POST /v1/reload'] = () => {
      balance({ servers: [server('w1'), server('w2', { status: 'DRAIN', connections: 2, isLeaving: true })] })
      return { outcome: 'swapped', nodes: 2, troubles: [] }
    }
    const removing = run('w2')
    await said('workerhttp w2 DRAIN')
    balance({ servers: [server('w1')] })
    t.equal(await end(removing), 0)
    t.match(terminal.outLines, [
      `${path}:17: c1/w2 removed`,
      'site reloaded: 2 nodes',
      '   0:00  waiting up to 1:05:00 for HAProxy to drain c1/w2',
      '   0:00  workerhttp w2 DRAIN',
      / {2}workerhttp w2 removed$/,
      'left to do: oc adm drain w2.c1.example.net --ignore-daemonsets --delete-emptydir-data',
      'left to do: power off c1/w2: it keeps its address for up to 24 h',
      'left to do: oc delete node w2.c1.example.net',
    ])
    t.same(terminal.errLines, [])
    t.equal(await readFile(path, 'utf8'), siteText())
  },
)

t.test('an interrupted removal resumes; the time limit is exit code 6', async (t) => {
  const { run, said, end, balance, know, terminal, slipway } = await rig(t, siteText())
  balance({ servers: [server('w2', { status: 'DRAIN', connections: 2, isLeaving: true })] })
  const removing = run('w2')
  await said('workerhttp w2 DRAIN')
  process.emit('SIGINT')
  t.equal(await removing, 8)
  know()
  t.equal(await end(run('c1/W2', '--timeout', '9s')), 6)
  t.same(slipway.commands, [], 'the site has it no more')
  t.same(terminal.errLines, [
    'slipway node remove: interrupted; HAProxy continues to drain',
    'slipway node remove: time limit reached with connections left; "slipway status" shows them',
  ])
  await t.rejects(
    run('w3'),
    new UsageError('the site does not declare a node w3 (did you mean w1?); it has c1/m1, c1/w1, c1/w2'),
  )
})

t.test('--until reloaded does not wait, and neither does a site without a load balancer', async (t) => {
  const { path, run, end, balance, slipway, terminal } = await rig(t)
  t.equal(await run('w2', '--until', 'reloaded'), 0)
  t.same(slipway.commands, ['POST /v1/reload'])
  t.match(terminal.outLines[2], /^left to do/)
  balance(undefined)
  t.equal(await end(run('w1', '--force')), 0)
  t.match(terminal.outLines.at(-4), /this slipway does not write a load balancer configuration$/)
  t.equal(await readFile(path, 'utf8'), siteText().replace(/.*name: w1.*\n/, ''))
})

t.test('--dry-run prints the change and needs no running slipway', async (t) => {
  const { path, terminal } = await rig(t)
  t.equal(await remove(['w1', 'w2', '--dry-run', '--control', '/nowhere', path], terminal), 0)
  t.match(terminal.outLines, [`--- ${path}`, `+++ ${path}`])
  t.match(
    terminal.outLines.filter((line) => line.startsWith('-  ')),
    [/name: w1/, /name: w2/],
  )
  t.match(terminal.errLines, [
    /^slipway node remove: not checked against the cluster: cannot reach slipway at \/nowhere/,
  ])
  t.equal(await remove(['m1', 'w1', 'w2', '--dry-run', path], terminal), 1)
  t.match(terminal.errLines.slice(1), [
    'slipway node remove: c1 would have no node left: remove the cluster by hand',
  ])
  t.equal(await readFile(path, 'utf8'), siteText(undefined, w2))
  const json = keptTerminal()
  t.equal(await remove(['w1', 'w2', '--dry-run', '--json', '--control', '/nowhere', path], json), 0)
  t.match(JSON.parse(json.outLines.join('\n')), { nodes: ['w1', 'w2'], isDryRun: true, outcome: 'done' })
  t.equal(await remove(['w1', `${path}.none`], terminal), 1)
  t.match(terminal.errLines.at(-1), /^there is no site file/)
})

t.test('a removal that can break a running cluster needs --force', async (t) => {
  const { path, run, end, balance, know, slipway, terminal } = await rig(t)
  t.equal(await run('m1', '--dry-run'), 1, 'a dry run checks the same')
  t.match(terminal.errLines, [
    /^slipway node remove: c1\/m1 is a control-plane node/,
    /add --force to remove them anyway$/,
  ])
  t.equal(await run('m1', '--dry-run', '--force'), 0)
  const before = terminal.errLines.length
  t.equal(await run('m1', 'w1', 'w2'), 1)
  t.same(terminal.errLines.slice(before), [
    'slipway node remove: c1/m1 is a control-plane node, and its cluster still has it: without it etcd can lose its quorum',
    'slipway node remove: no other server of workerhttp is up',
    'slipway node remove: nothing was changed; --force removes them anyway',
  ])
  slipway.routes['GET /v1/clusters/c1'] = new Refused(404, 'the site does not declare a cluster c1')
  t.equal(await run('m1'), 1)
  t.match(terminal.errLines.at(-2), 'its state in the cluster is unknown')
  t.equal(await readFile(path, 'utf8'), siteText(undefined, w2))
  slipway.routes['GET /v1/clusters/c1'] = () => ({ members: [{ node: 'c1/m1', state: 'absent' }] })
  know()
  balance({})
  t.equal(await end(run('m1')), 0, 'its cluster has it no more')
  t.same(
    terminal.outLines.filter((line) => line.startsWith('left')),
    ['left to do: power off c1/m1: it keeps its address for up to 24 h'],
  )
})

t.test('a rejected reload: exit code 1', async (t) => {
  const { path, run, end, balance, slipway, terminal } = await rig(t)
  slipway.routes['POST /v1/reload'] = new Refused(409, 'not reloaded', { reasons: ['site.yaml:1:1 x'] })
  t.equal(await run('w2'), 1)
  t.match(terminal.errLines, [
    'site.yaml:1:1 x',
    'slipway: site reload rejected, the current plan stays active',
    'slipway node remove: the nodes are still served; correct the site file, then run "slipway reload"',
  ])
  slipway.routes['POST /v1/reload'] = { outcome: 'swapped', nodes: 1, troubles: [] }
  balance({ applied: { outcome: 'refused', reason: 'unknown keyword' } })
  t.equal(await end(run('w1')), 1)
  t.equal(
    terminal.errLines.at(-1),
    'slipway node remove: HAProxy keeps its previous configuration (refused): unknown keyword',
  )
  t.equal(await readFile(path, 'utf8'), siteText().replace(/.*name: w1.*\n/, ''))
})

t.test(
  'refuses another site and an invalid result; a subnet of another DHCP server has no lease',
  async (t) => {
    const text = siteText(undefined, w2.replace('worker', 'bootstrap')).replace(
      '/24 }',
      '/24, dhcp: proxy, dns: [192.0.2.53] }',
    )
    const { path, run, slipway, terminal } = await rig(t, text)
    t.equal(await run('m1', '--force', '--until', 'reloaded'), 1)
    t.match(terminal.errLines, [
      /a bootstrap node and no master/,
      'slipway node remove: the site file would have errors; nothing was written: correct the lines above and run the command again',
    ])
    t.equal(await run('w2', '--force', '--until', 'reloaded'), 0)
    t.equal(terminal.outLines.at(-1), 'left to do: power off c1/w2')
    slipway.routes['GET /v1/status'] = { site: 'other', nodes: [] }
    t.equal(await node.run(['remove', 'w1', '--control', slipway.path, path], terminal), 1)
    t.match(terminal.errLines.at(-1), 'serves the site other, not lab; nothing was changed')
  },
)

t.test('invalid command lines are refused', async (t) => {
  const wrong: [args: string[], message: string][] = [
    [[], 'expected the name of a node'],
    [['site.yaml'], 'expected the name of a node'],
    [
      ['w1', 'site.yaml', '--until', 'drain'],
      '--until: expected one of reloaded, drained, not "drain" (did you mean drained?)',
    ],
    [['w1', 'site.yaml', '--timeout', '0s'], '--timeout: expected a time such as 90s, 45m, or 2h, not 0s'],
  ]
  for (const [args, message] of wrong) {
    await t.rejects(remove(args, keptTerminal()), new UsageError(message), args.join(' '))
  }
})
