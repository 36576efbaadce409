import t, { type Test } from 'tap'
import { parseRollout, rollOut } from '../../src/cli/power-rollout.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { fakeSlipway, Refused } from '../support/fake-slipway.ts'
import { samplePowerReport } from '../support/sample-power.ts'
import { keptTerminal } from '../support/terminal.ts'

const at = 1_000_000

type Row = { mode: string; role: string; lastSeen?: number; symptom?: object; since?: number }

/** A cluster with a bootstrap without a BMC, two masters, and a worker. @param more replaces nodes */
async function cluster(t: Test, more: Record<string, Partial<Row>> = {}, members: object[] = []) {
  const rows: Record<string, Row> = {
    w1: { mode: 'install', role: 'worker' },
    m1: { mode: 'install', role: 'master' },
    m2: { mode: 'install', role: 'master' },
    bs: { mode: 'install', role: 'bootstrap' },
  }
  for (const [name, row] of Object.entries(more))
    Object.assign((rows[name] ??= { mode: 'install', role: 'worker' }), row)
  const list = () =>
    Object.entries(rows).map(([name, row]) => ({
      node: `c/${name}`,
      since: at,
      reason: 'an administrator',
      ...row,
    }))
  const view = { members }
  const power = (name: string) => ({ ...samplePowerReport, node: `c/${name}`, progress: 'InPost' })
  const noBmc = new Refused(404, 'no BMC', { code: 'bmc.not-declared' })
  const { path, commands, routes, close } = await fakeSlipway(t, {
    'GET /v1/nodes': list,
    'GET /v1/clusters/c': () => view,
    ...Object.fromEntries(
      ['w1', 'm1', 'm2'].flatMap((name) => [
        [`POST /v1/nodes/c/${name}/power/cycle?boot=network`, power(name)],
        [`GET /v1/nodes/c/${name}/power`, power(name)],
      ]),
    ),
    'POST /v1/nodes/c/bs/power/cycle?boot=network': noBmc,
    'GET /v1/nodes/c/bs/power': noBmc,
  })
  const clock = fakeClock(at)
  const terminal = keptTerminal()
  const interruption = new AbortController()
  const run = (names = ['w1', 'm1', 'm2', 'bs'], atOnce = 1, timeoutMs = 60_000) =>
    rollOut(
      {
        control: path,
        nodes: names.map((name) => `c/${name}`),
        ...{ atOnce, timeoutMs, clock, signal: interruption.signal, resume: 'slipway again' },
      },
      terminal,
    )
  /** Waits until `count` lines are printed, and advances the clock. */
  const until = async (count: number): Promise<void> => {
    for (let turn = 0; terminal.outLines.length < count && turn < 400; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      clock.advance(2000)
    }
  }
  return { rows, view, commands, routes, close, terminal, run, until, clock, interruption }
}

const said = (lines: readonly string[]) => lines.map((line) => line.replace(/^ *\S+ {2}/, ''))
const restarted = (name: string) => `c/${name}: restarted from the network by its BMC 172.16.0.201`

t.test(
  'nodes are restarted in the order of the boot gate, one after the other, until they are Ready',
  async (t) => {
    const { rows, view, terminal, run, until } = await cluster(t)
    const ended = run(undefined, 1, 10_000_000)
    await until(2)
    t.same(said(terminal.outLines), ['c/bs: has no BMC; power it on by hand', restarted('m1')])
    Object.assign(rows['m1'] ?? {}, { mode: 'installed' })
    await until(4)
    t.same(said(terminal.outLines).slice(2), ['c/m1: its disk is written', restarted('m2')])
    for (const row of Object.values(rows)) row.mode = 'installed'
    view.members.push(
      { node: 'c/m1', state: 'not-ready' },
      { node: 'c/m2', state: 'ready', since: at + 1 },
      { node: 'c/w1', state: 'ready', since: at - 3_600_000 },
    )
    await until(8)
    t.ok(said(terminal.outLines).includes('c/m2: Ready'))
    t.notOk(
      said(terminal.outLines).includes('c/w1: Ready'),
      'the condition of the earlier system does not count',
    )
    view.members.splice(
      0,
      3,
      { node: 'c/m1', state: 'ready', since: at + 1 },
      { node: 'c/w1', state: 'ready', since: at + 1 },
    )
    await until(11)
    t.equal(await ended, 0)
    t.equal(said(terminal.outLines).at(-1), '4 nodes installed')
  },
)

t.test('a node that stops is printed with its advice and what its BMC reports', async (t) => {
  const symptom = { name: 'no-dhcp', saw: 'no DHCP request', advice: 'check the cable' }
  const { rows, terminal, run, until } = await cluster(t, { w1: { symptom }, m1: { mode: 'failed' } })
  const ended = run(['w1', 'm1', 'bs'], 4)
  await until(4)
  for (const line of [
    // The clock advances while the list is read.
    /^c\/m1: failed (?:0 ms|[\d.]+ s): an administrator; BMC: power on, InPost$/,
    /^c\/w1: no DHCP request; check the cable; BMC: power on, InPost$/,
  ])
    t.ok(
      said(terminal.outLines).some((each) => line.test(each)),
      said(terminal.outLines).join('\n'),
    )
  for (const name of ['w1', 'bs']) Object.assign(rows[name] ?? {}, { mode: 'installed' })
  await until(6)
  t.equal(await ended, 1)
  t.same(terminal.errLines, ['1 node not installed; correct the problems above, then run: slipway again'])
})

t.test('a BMC that fails, and the time limit', async (t) => {
  const { routes, terminal, run, until, commands } = await cluster(t)
  const refused = new Refused(502, 'BMC b is busy: wait', { code: 'bmc.busy' })
  routes['POST /v1/nodes/c/m1/power/cycle?boot=network'] = refused
  routes['GET /v1/nodes/c/m2/power'] = refused
  const ended = run(['m1', 'm2', 'bs'], 1, 10_000)
  await until(6)
  t.not(await ended, 0)
  t.same(said(terminal.outLines), [
    'c/bs: has no BMC; power it on by hand',
    'c/m1: not restarted: BMC b is busy: wait',
    restarted('m2'),
    'c/m2: not finished in time; BMC: BMC b is busy: wait',
    'c/bs: not finished in time',
  ])
  t.equal(commands.filter((line) => line.includes('m1')).length, 1, 'it is not asked again')
  t.same(terminal.errLines, ['not finished; to continue, run: slipway again'])
})

t.test('a node whose boot is in progress is not restarted, and Ctrl-C keeps the rest', async (t) => {
  const { terminal, run, until, commands, interruption, clock } = await cluster(t, {
    m1: { mode: 'installing' },
    m2: { lastSeen: at + 1 },
  })
  const ended = run(['m1', 'm2'], 4)
  await until(2)
  interruption.abort()
  clock.advance(5000)
  t.not(await ended, 0)
  t.same(commands, [])
  t.same(said(terminal.outLines), ['c/m1: its boot is in progress', 'c/m2: its boot is in progress'])
})

t.test('slipway that stops is an outage, and the installation continues', async (t) => {
  const { close, terminal, run, until, interruption, clock } = await cluster(t)
  await close()
  const ended = run()
  await until(1)
  t.match(said(terminal.outLines)[0], /^cannot reach slipway/)
  interruption.abort()
  clock.advance(5000)
  await ended
})

t.test('options', (t) => {
  const values = { power: true, resume: false }
  t.same(parseRollout(values), { atOnce: 4, timeoutMs: 90 * 60_000 })
  t.same(parseRollout({ ...values, 'at-once': '10', timeout: '2h' }), { atOnce: 10, timeoutMs: 7_200_000 })
  t.throws(() => parseRollout({ ...values, 'at-once': '0' }), {
    message: /^--at-once: expected a number from 1/,
  })
  t.throws(() => parseRollout({ power: false, resume: true }), { message: /need --power$/ })
  t.end()
})
