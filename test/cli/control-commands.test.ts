import { rmSync } from 'node:fs'
import t from 'tap'
import type { Command } from '../../src/cli/command.ts'
import { controlPath } from '../../src/cli/target.ts'
import { events, eventLine, followEvents } from '../../src/cli/commands/events.ts'
import { node } from '../../src/cli/commands/node/node.ts'
import { cluster } from '../../src/cli/commands/cluster.ts'
import { csr } from '../../src/cli/commands/csr.ts'
import { nodes } from '../../src/cli/commands/nodes.ts'
import { status, watchStatus } from '../../src/cli/commands/status.ts'
import { controlService, socketPath } from '../support/control-service.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { observedNode } from '../support/observed-node.ts'
import { now, sampleClusterStatus } from '../support/sample-nodes.ts'
import { keptTerminal } from '../support/terminal.ts'

async function run(command: Command, path: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await command.run([...args, '--control', path], terminal)
  return { code, out: terminal.outLines.join('\n'), err: terminal.errLines.join('\n') }
}

/** Until it holds, turn by turn: nothing here takes long. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

t.test('status, as a table and as JSON', async (t) => {
  const { path } = await controlService(t)
  t.match(await run(status, path), { code: 0, out: /^ocp45-lab {2}up 3 h.*\n[^]*ocp45\/bs/, err: '' })
  const { out } = await run(status, path, '--json')
  t.match(JSON.parse(out), { site: 'ocp45-lab', nodes: { length: 7 } })
})

t.test('shows one node, named with or without its cluster', async (t) => {
  const { path } = await controlService(t)
  t.match(await run(node, path, 'show', 'bs'), { code: 0, out: /boots from the disk/ })
  const { out } = await run(node, path, 'show', 'ocp45/bs', '--json')
  t.match(JSON.parse(out), { node: 'ocp45/bs', boots: { length: 2 } })
  await t.rejects(run(node, path, 'show', 'w9'), {
    name: 'UsageError',
    message: /^the site does not declare a node w9/,
  })
})

t.test('sends a command to several nodes once each, and to none when a name is wrong', async (t) => {
  const { path, installs } = await controlService(t)
  t.match(await run(node, path, 'local', 'w1', 'w2', 'ocp45/w1'), {
    code: 0,
    out: /^ocp45\/w1: .*command local of the operator\nocp45\/w2: [^\n]*$/,
  })
  await t.rejects(run(node, path, 'menu', 'w1', 'nobody'), { name: 'UsageError' })
  t.equal(installs.list().find((record) => record.node === 'ocp45/w1')?.mode, 'local')
  for (const action of ['install', 'menu', 'forget']) {
    t.match(JSON.parse((await run(node, path, action, 'w1', '--json')).out), [{ node: 'ocp45/w1' }])
  }
  installs.refuseWith('it is installing right now')
  t.same(await run(node, path, 'install', 'w1'), {
    code: 1,
    out: '',
    err: 'slipway: it is installing right now; fix the problem that the message names, then repeat the command',
  })
})

t.test('invalid command lines are refused', async (t) => {
  const wrong: [Command, string[], string][] = [
    [status, ['w1'], 'expected no arguments; "slipway node show NAME" shows one node'],
    [status, ['--watch', '--json'], '--watch does not print JSON; "slipway events --json" does'],
    [node, [], 'expected one of show, log, install, local, menu, forget, drain, enable, add, remove, adopt'],
    [
      node,
      ['toString'],
      'unknown command "toString"; expected one of show, log, install, local, menu, forget, drain, enable, add, remove, adopt',
    ],
    [
      node,
      ['shwo'],
      'unknown command "shwo" (did you mean show?); expected one of show, log, install, local, menu, forget, drain, enable, add, remove, adopt',
    ],
    [node, ['list'], 'unknown command "list": to list the nodes, run "slipway status"'],
    [node, ['show'], 'expected the name of one node'],
    [node, ['menu'], 'expected the name of a node'],
    [nodes, ['all'], 'expected: seen; to list the nodes of the site, run "slipway status"'],
    [events, ['w1'], 'expected no arguments; --node NAME selects one node'],
  ]
  for (const [command, args, message] of wrong) {
    await t.rejects(command.run(args, keptTerminal()), { name: 'UsageError', message })
  }
})

t.test('lists undeclared machines', async (t) => {
  const { path } = await controlService(t)
  t.match(await run(nodes, path, 'seen'), { code: 0, out: /^MAC [^]*00:00:5e:00:53:77/ })
  t.match(JSON.parse((await run(nodes, path, 'seen', '--json')).out), { length: 3 })
})

t.test('a bootstrap is kept, drained, or watched again', async (t) => {
  const { path } = await controlService(t)
  const say = (command: string, ...more: string[]) => run(cluster, path, 'bootstrap', command, ...more)
  t.match(await say('keep', 'ocp45'), { code: 0, out: 'ocp45: bootstrap stays in the load balancer' })
  t.match(await say('out', 'ocp45'), { code: 0, out: 'ocp45: bootstrap is out of the load balancer' })
  t.match(await say('watch', 'ocp45'), { out: /will leave the load balancer when bootstrapping is complete/ })
  t.match(JSON.parse((await say('out', 'ocp45', '--json')).out), { kind: 'out' })
  t.match(await say('out', 'c9'), { code: 1, err: /cluster c9 has no bootstrap/ })
  await t.rejects(say('burn', 'ocp45'), {
    message: 'expected show [CLUSTER], install CLUSTER, or bootstrap keep|out|watch CLUSTER',
  })
  await t.rejects(run(cluster, path, 'node'), { name: 'UsageError' })
})

t.test('shows all clusters, one, or JSON', async (t) => {
  const { path } = await controlService(t)
  const all = await run(cluster, path, 'show')
  t.match(all, { code: 0, out: /^ocp45: 3 of 5 nodes Ready[^]*bootstrap[^]*ocp45\/w1 {2}not registered/ })
  t.match(await run(cluster, path, 'show', 'ocp45'), { code: 0, out: /^ocp45: 3 of 5 nodes Ready/ })
  t.match(JSON.parse((await run(cluster, path, 'show', '--json')).out), [{ cluster: 'ocp45' }])
  t.match(JSON.parse((await run(cluster, path, 'show', 'ocp45', '--json')).out), { cluster: 'ocp45' })
  t.same(await run(cluster, path, 'show', 'c9'), {
    code: 2,
    out: '',
    err: 'slipway: the site has no cluster c9; check the name against the site file, and reload it if the cluster is new',
  })
  await t.rejects(run(cluster, path, 'show', 'ocp45', 'c9'), { name: 'UsageError' })
})

t.test('several clusters are separated, and a site without clusters is reported', async (t) => {
  const standings: object[] = [sampleClusterStatus, { ...sampleClusterStatus, cluster: 'c2' }]
  const { path } = await controlService(t, socketPath(t), { reports: () => standings as never })
  t.match((await run(cluster, path, 'show')).out, /^ocp45: [^]*\n\nc2: 3 of 5/)
  standings.length = 0
  t.same(await run(cluster, path, 'show'), {
    code: 0,
    out: 'the site does not declare a cluster: add it to clusters in the site file',
    err: '',
  })
})

t.test('pending certificate requests are listed with their reasons', async (t) => {
  const { path } = await controlService(t)
  t.match(await run(csr, path, 'list'), {
    code: 0,
    out: /csr-a[^]*no node w9\.ocp45\.example\.net is declared/,
  })
})

t.test('without a running slipway: what to do; exit code 1', async (t) => {
  const path = socketPath(t)
  const sentence = `slipway: cannot reach slipway at ${path}: the socket does not exist; check that slipway runs (systemctl status slipway), or specify its socket with --control PATH or SLIPWAY_CONTROL`
  for (const [command, ...args] of [[status], [status, '--watch'], [node, 'show', 'w1'], [events]] as const) {
    t.same(await run(command, path, ...args), { code: 1, out: '', err: sentence })
  }
  t.equal(controlPath(undefined, {}), '/run/slipway/control.sock')
  t.equal(controlPath(undefined, { SLIPWAY_CONTROL: '/a' }), '/a')
  t.equal(controlPath('/b', { SLIPWAY_CONTROL: '/a' }), '/b')
})

t.test('events are printed as lines or JSON until the end', async (t) => {
  const { path, installs } = await controlService(t)
  const [lines, json] = [keptTerminal(), keptTerminal()]
  const end = new AbortController()
  const reading = [
    followEvents(path, { isJson: false }, lines, end.signal),
    followEvents(path, { key: 'ocp45/w1', isJson: true }, json, end.signal),
  ]
  const say = () => {
    installs.observe({ node: 'ocp45/w1', kind: 'script', script: 'install', role: 'worker' })
  }
  // Both have to be listening first.
  await until(() => {
    say()
    return lines.outLines.length > 0 && json.outLines.length > 0
  })
  end.abort()
  await Promise.all(reading)
  t.equal(lines.outLines[0], '11:00:00 UTC  ocp45/w1  script: install, worker')
  t.match(JSON.parse(json.outLines[0]!), { kind: 'script', at: now })
})

t.test('each kind of event has a text', (t) => {
  const life = observedNode().pxe().installer().callback('written').command('menu')
  life.says('registered').says('not-ready', { reason: 'no CNI' })
  life.see({ kind: 'state', from: 'installing', to: 'installed', reason: 'its disk is written' })
  const text = [...new Set(life.observations.map((seen) => eventLine(seen).replace(/^.*w1 {2}/, '')))]
  t.match(text, [
    'DHCP discover as firmware: offered',
    'DHCP request as firmware: acknowledged',
    'loader probed: efi/ipxe.efi by TFTP',
    'loader sent: efi/ipxe.efi by TFTP, 830.6 KiB in 700 ms',
  ])
  t.match(text.slice(-6), [
    'Ignition sent to 192.0.2.21:40000: worker.ign',
    'the node reports: written',
    'command: menu',
    'the cluster reports: registered',
    'the cluster reports: not Ready: no CNI',
    'installing → installed: its disk is written',
  ])
  t.end()
})

t.test('--watch prints a line for each change, or redraws a table on a terminal', async (t) => {
  const { path, installs } = await controlService(t)
  const clock = fakeClock(now)
  const [lines, table] = [keptTerminal(), keptTerminal({ rows: 10 })]
  const end = new AbortController()
  const watching = [lines, table].map((terminal) => watchStatus(path, terminal, clock, end.signal))
  await until(() => lines.outLines.length === 8 && table.outLines.length > 5)
  t.match(lines.outLines[0], '11:00:00 UTC  ocp45: 3 of 5 nodes Ready, waiting for version; 2 certificate')
  t.match(lines.outLines[7], '11:00:00 UTC  ocp45/i1  armed: never seen')
  t.match(table.outLines.at(-1), /^… \d+ more lines: enlarge the window/)
  installs.observe({ node: 'ocp45/i1', kind: 'script', script: 'menu' })
  await until(() => {
    clock.advance(5000)
    return lines.outLines.some((line) => line.includes('i1  armed: menu'))
  })
  end.abort()
  await Promise.all(watching)
  t.equal(
    lines.outLines.filter((line) => line.includes('ocp45:')).length,
    1,
    'a cluster is told of when it moved',
  )
})

t.test('an unreachable slipway is awaited and reported', async (t) => {
  const path = socketPath(t)
  const { service, installs } = await controlService(t, path)
  const terminal = keptTerminal()
  const end = new AbortController()
  const reading = followEvents(path, { isJson: true }, terminal, end.signal)
  await until(() => {
    installs.observe({ node: 'ocp45/w1', kind: 'script', script: 'menu' })
    return terminal.outLines.length > 0
  })
  await service.close(0)
  await until(() => terminal.errLines.length > 0)
  end.abort()
  await reading
  t.same(terminal.errLines.slice(0, 1), ['slipway events: slipway ended the stream; reconnecting'])
  rmSync(path, { force: true })
})
