import { readFile, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { UsageError } from '../../../../src/cli/command.ts'
import { node } from '../../../../src/cli/commands/node/node.ts'
import { add } from '../../../../src/cli/commands/node/add.ts'
import type { NodeRecord } from '../../../../src/install/installs.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { fakeSlipway, Refused } from '../../../support/fake-slipway.ts'
import { csrsOfJoining, joiningSnapshot } from '../../../support/joining-node.ts'
import { siteFolder, sitePath, siteText } from '../../../support/site-folder.ts'
import { keptTerminal } from '../../../support/terminal.ts'

const w2 = ['w2', '--role', 'worker', '--mac', '0000.5e00.5377', '--address', '192.0.2.22']
const entry = '      - { name: w2, role: worker, mac: "00:00:5e:00:53:77", address: 192.0.2.22 }\n'
const now = Date.UTC(2026, 10, 21, 10)
const reloaded = { outcome: 'swapped', nodes: 3, troubles: [] }

/** A slipway that serves the site and takes it over, a node that is as `told` says, and time that goes on. */
async function rig(t: Test, text = siteText()) {
  const path = sitePath(t.testdir(siteFolder(text)))
  const clock = fakeClock(now)
  let told: Parameters<typeof joiningSnapshot>[0] = {}
  const sight = () => joiningSnapshot({ csrs: csrsOfJoining(), ...told }, clock.now())
  const served = [{ node: 'c1/m1', fqdn: 'm1.c1.example.net', mac: '00:00:5e:00:53:01', role: 'master' }]
  const slipway = await fakeSlipway(t, {
    'GET /v1/status': () => ({ site: 'lab', nodes: served }),
    'POST /v1/reload': reloaded,
    'GET /v1/nodes/c1/w2': () => sight().details,
    'POST /v1/nodes/c1/w2/install': () => {
      told = { ...told, record: { mode: 'install', reason: 'set by an administrator' } }
      return sight().details
    },
    'GET /v1/clusters/c1': () => sight().cluster,
    'GET /v1/csrs': () => {
      const { csrs } = sight()
      return csrs === undefined ? [] : [csrs]
    },
  })
  const terminal = keptTerminal()
  /** Time goes on as fast as it is waited for. */
  const pass = async (isOver: () => boolean): Promise<void> => {
    while (!isOver()) {
      clock.advance(clock.nextDelay() ?? 0)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return {
    path,
    clock,
    slipway,
    served,
    terminal,
    tell: (more: typeof told) => void (told = { ...told, ...more }),
    run: (...args: string[]) => add([...w2, ...args, '--control', slipway.path, path], terminal, clock),
    /** Until this was said. */
    said: (text: string) => pass(() => terminal.outLines.some((line) => line.includes(text))),
    /** Until the command has ended. */
    end: async (command: Promise<number>) => {
      let code: number | undefined
      void command.then((ended) => (code = ended))
      await pass(() => code !== undefined)
      return code
    },
    /** What it said, without the site file's folder. */
    out: () => terminal.outLines.map((line) => line.replaceAll(`${path}:`, 'site.yaml:')),
  }
}

const installed: Partial<NodeRecord> = {
  mode: 'installed',
  since: now + 600_000,
  reason: 'its disk is written',
}

t.test('a node is declared, served, and followed until it is Ready', async (t) => {
  const { run, said, end, tell, out, path, slipway, terminal } = await rig(t)
  tell({ member: { state: 'absent' } })
  const adding = run()
  await said('armed: the site file sets boot: install')
  tell({
    record: installed,
    csrs: csrsOfJoining({ reason: 'the address 192.0.2.99 is not declared for c1/w2' }),
  })
  await said('csr-0')
  tell({ member: { state: 'not-ready', reason: 'no CNI' }, csrs: csrsOfJoining() })
  await said('no CNI')
  tell({ member: { state: 'ready' } })
  t.equal(await end(adding), 0)
  t.match(out(), [
    'site.yaml:17: c1/w2 is declared',
    'site reloaded: 3 nodes',
    '   0:00  waiting up to 1:00:00 for c1/w2 to be Ready',
    '   0:00  armed: the site file sets boot: install',
    /^ +0:0\d {2}installed: its disk is written$/,
    /! its serving certificate request csr-0 is pending: the address 192\.0\.2\.99 is not declared/,
    / registered$/,
    / not Ready: no CNI$/,
    / Ready$/,
    /^next: its network boots now start the system on its disk/,
  ])
  t.same(slipway.commands, ['POST /v1/reload'], 'the site arms it')
  t.equal(await readFile(path, 'utf8'), siteText() + entry)
  t.same(terminal.errLines, [])
})

t.test('a node with boot: local is armed, once', async (t) => {
  const { run, said, end, tell, out, slipway, served } = await rig(t)
  tell({
    record: { mode: 'local', reason: 'the site file sets boot: local' },
    trouble: 'there is no kubeconfig /x',
  })
  t.equal(await run('--until', 'armed'), 0)
  t.same(slipway.commands, ['POST /v1/reload', 'POST /v1/nodes/c1/w2/install'])
  t.match(out().slice(2), [
    'c1/w2: armed: set by an administrator',
    /^next: power on c1\/w2/,
    /^next: follow it with "slipway status/,
  ])
  served.push({ node: 'c1/w2', fqdn: 'w2.c1.example.net', mac: '00:00:5e:00:53:77', role: 'worker' })
  Object.assign(served.at(-1) as object, { address: '192.0.2.22' })
  const again = run('--until', 'installed', '--timeout', '5m')
  await said('0:00  armed')
  tell({ record: installed })
  t.equal(await end(again), 0)
  t.equal(slipway.commands.length, 2, 'it went on where it was')
  t.match(out().slice(5), [
    'site.yaml:17: c1/w2 is already declared',
    '   0:00  waiting up to 5:00 for c1/w2 to be installed',
    '   0:00  armed: set by an administrator',
    / installed: its disk is written$/,
    /^next: it starts from its disk and requests two certificates/,
    /^next: run this command without --until/,
  ])
})

t.test('a bootstrap is followed until it is installed', async (t) => {
  const { run, said, end, tell, terminal } = await rig(t)
  const adding = run('--role', 'bootstrap')
  await said('for c1/w2 to be installed')
  tell({ role: 'bootstrap', record: installed })
  t.equal(await end(adding), 0)
  t.match(terminal.outLines.at(-1), 'slipway wait bootstrap-complete')
})

t.test('--dry-run prints the change and needs no running slipway', async (t) => {
  const { path, terminal } = await rig(t)
  t.equal(await add([...w2, '--dry-run', '--control', '/nowhere', path], terminal), 0)
  t.equal(terminal.outLines.at(-1), `+${entry.trimEnd()}`)
  t.equal(await readFile(path, 'utf8'), siteText())
  await writeFile(path, siteText() + entry)
  t.equal(await add([...w2, '--dry-run', path], terminal), 0)
  const json = keptTerminal()
  t.equal(await add([...w2, '--dry-run', '--json', path], json), 0)
  t.match(JSON.parse(json.outLines.join('\n')), {
    node: 'w2',
    isDryRun: true,
    goal: 'ready',
    outcome: 'done',
  })
  t.equal(terminal.outLines.at(-1), `${path}:17: c1/w2 is already declared`)
  t.equal(await add([...w2, '--address', '2001:db8::22', '--dry-run', path], terminal), 1)
  t.match(terminal.errLines, [
    /^slipway node add: the site file already has c1\/w2 \(line 17\), with the address/,
  ])
})

t.test('warns about changes that an administrator probably does not intend', async (t) => {
  const { run, tell, terminal } = await rig(t, siteText() + entry)
  tell({ record: { mode: 'installed', since: now - 1, reason: 'it started' }, member: { state: 'ready' } })
  t.equal(await run(), 0)
  t.match(
    terminal.outLines[2],
    '! c1/w2 was installed before (it started): to reinstall it, run "slipway node install c1/w2"',
  )
  tell({ record: { mode: 'install', reason: 'the site file sets boot: install' } })
  t.equal(await run('--until', 'armed'), 0)
  t.match(
    terminal.outLines.at(-4),
    '! its cluster already has c1/w2, and its next network boot reinstalls it',
  )
})

t.test('an unreachable slipway is awaited; the time limit is exit code 6', async (t) => {
  const { run, said, end, slipway, clock, terminal } = await rig(t)
  const adding = run('--timeout', '60s')
  await said('armed')
  await slipway.close()
  await said('cannot reach slipway at')
  await slipway.open()
  clock.advance(60_000)
  t.equal(await end(adding), 6)
  t.equal(terminal.outLines.filter((line) => line.includes('cannot reach')).length, 1)
  t.match(terminal.errLines, [
    'slipway node add: time limit reached before c1/w2 was Ready',
    /^run this command again to resume it; "slipway node show c1\/w2/,
  ])
})

t.test('interrupted: exit code 8, and the node continues to install', async (t) => {
  const { run, said, terminal } = await rig(t)
  const adding = run()
  await said('armed')
  process.emit('SIGTERM')
  t.equal(await adding, 8)
  t.match(terminal.errLines, [
    'slipway node add: interrupted; c1/w2 continues to install',
    /^run this command again/,
  ])
})

t.test('a failed installation: exit code 1', async (t) => {
  const { run, said, end, tell, slipway, terminal } = await rig(t)
  const failing = run()
  await said('armed')
  tell({ record: { mode: 'failed', reason: 'its installer gave up' } })
  t.equal(await end(failing), 1)
  t.equal(
    terminal.errLines.at(-1),
    'slipway node add: the installation of c1/w2 failed; "slipway node show c1/w2" shows its steps',
  )
  tell({ record: { mode: 'local', lastSeen: 5, reason: 'set by an administrator' } })
  t.equal(await run(), 1)
  t.match(terminal.errLines.at(-1), 'slipway node install c1/w2"')
  slipway.routes['POST /v1/reload'] = new Refused(409, 'site not reloaded: x', {
    reasons: ['site.yaml:1:1 x'],
  })
  t.equal(await run(), 1)
  t.match(terminal.errLines.slice(-3), [
    'site.yaml:1:1 x',
    'slipway: site reload rejected, the current plan stays active',
    'slipway node add: c1/w2 is in the site file; correct the file, then run this command again to resume',
  ])
})

/** As `slipway node add` ends. */
async function ended(control: string, path: string) {
  const terminal = keptTerminal()
  const code = await node.run(['add', ...w2, '--control', control, path], terminal)
  return { code, err: terminal.errLines }
}

t.test('nothing is written when the site is not served', async (t) => {
  const { path, slipway } = await rig(t)
  t.match(await ended('/nowhere', path), { code: 1, err: [/^slipway: cannot reach slipway at \/nowhere/] })
  slipway.routes['GET /v1/status'] = { site: 'other', nodes: [] }
  t.same(await ended(slipway.path, path), {
    code: 1,
    err: [
      `slipway: the slipway at ${slipway.path} serves the site other, not lab; nothing was changed: name the site file that it serves, or its socket with --control`,
    ],
  })
  t.equal(await readFile(path, 'utf8'), siteText())
  t.match(await ended(slipway.path, `${path}.none`), { code: 1, err: [/^there is no site file/] })
})

t.test('reports a slipway that serves another file, or that refuses the request', async (t) => {
  const { path, slipway } = await rig(t)
  slipway.routes['GET /v1/nodes/c1/w2'] = new Refused(404, 'the site does not declare a node c1/w2')
  t.same(await ended(slipway.path, path), {
    code: 1,
    err: [
      `slipway: the slipway at ${slipway.path} does not serve c1/w2: its site file is not ${path}; name its site file with --site, or its socket with --control`,
    ],
  })
  slipway.routes['GET /v1/nodes/c1/w2'] = new Refused(500, 'the store is gone')
  t.same(await ended(slipway.path, path), { code: 1, err: ['slipway: the store is gone'] })
  t.match(await ended(slipway.path, sitePath(t.testdir(siteFolder(siteText().replace('w1', 'w2'))))), {
    code: 1,
    err: [/^slipway node add: the site file already has c1\/w2/],
  })
})

t.test('invalid command lines are refused', async (t) => {
  const wrong: [args: string[], message: string][] = [
    [[], 'expected the name of a node'],
    [['w2'], '--mac is missing'],
    [['w2', 'site.yaml'], '--mac is missing'],
    [['w2', 'site.yaml', '--mac', 'x'], '"x" is not a MAC address'],
    [
      ['w2', 'site.yaml', '--mac', '00005e005377'],
      '--role is missing; for a machine of a group, use --group',
    ],
    [
      [...w2, 'site.yaml', '--until', 'redy'],
      '--until: expected one of armed, installed, ready, not "redy" (did you mean ready?)',
    ],
    [[...w2, 'site.yaml', '--until', 'x'], '--until: expected one of armed, installed, ready, not "x"'],
    [
      [...w2, 'site.yaml', '--role', 'bootstrap', '--until', 'ready'],
      '--until ready does not apply to a bootstrap: it never joins a cluster',
    ],
    [[...w2, 'site.yaml', '--timeout', '1d'], '--timeout: expected a time such as 90s, 45m, or 2h, not 1d'],
    [['c1/w2', ...w2.slice(1), 'site.yaml', '--cluster', 'c1'], 'two clusters: c1/w2 and --cluster c1'],
  ]
  for (const [args, message] of wrong) {
    await t.rejects(add(args, keptTerminal()), new UsageError(message), args.join(' '))
  }
  const path = sitePath(t.testdir(siteFolder()))
  const terminal = keptTerminal()
  t.equal(await add(['c1/w2', ...w2.slice(1), '--dry-run', path], terminal), 0)
  t.equal(terminal.outLines.at(-1), `+${entry.trimEnd()}`, 'a node is called by its cluster, too')
})
