/** Evidence against an installation: what the cluster, the network, and the past of a machine show. */
import t from 'tap'
import { exchangeMs, initialState, type State } from '../../src/install/machine-state.ts'
import { rebootTimeoutMs, tokenLifetimeMs } from '../../src/install/decide-boot.ts'
import { checkRead, hashToken } from '../../src/install/guard.ts'
import { armedMs, decide, type Event } from '../../src/install/machine.ts'
import {
  after,
  boot,
  callback,
  chosen,
  cluster,
  command,
  declared,
  delivered,
  exchange,
  m1,
  startAt,
  system,
  time,
  type Jump,
} from '../support/machine-events.ts'

const minute = 60_000
const hour = 60 * minute
const installed = [boot, delivered, callback('written')]
const ready = (ms: number): Event => cluster('ready', startAt + ms)
/** Returns whether every network boot leads to the disk. */
const keepsDisk = (state: State & { now: Parameters<typeof decide>[2] }): boolean =>
  decide(state, boot, state.now).kind === 'disk' && decide(state, chosen, state.now).kind === 'disk'

const cases: readonly {
  name: string
  from?: State
  steps: readonly (Event | number | Jump)[]
  mode: State['mode']
  reason?: string | RegExp
}[] = [
  {
    name: 'Ready since its Ignition file was sent ends the installation',
    steps: [boot, delivered, 300_000, ready(240_000)],
    mode: 'installed',
    reason: 'the cluster reports it as Ready',
  },
  {
    name: 'the assisted service reports it as installed, after its handover',
    steps: [boot, delivered, 300_000, cluster('assisted-installed', startAt + 240_000)],
    mode: 'installed',
    reason: 'the assisted service reports it as installed',
  },
  {
    name: 'a report of the assisted service from before this attempt, or without a time, ends nothing',
    steps: [boot, delivered, 300_000, cluster('assisted-installed', startAt), cluster('assisted-installed')],
    mode: 'installing',
  },
  {
    name: 'a machine that the assisted service has installed keeps its disk',
    steps: [cluster('assisted-installed', startAt)],
    mode: 'local',
  },
  {
    name: 'progress and errors of the assisted service change nothing',
    steps: [
      boot,
      delivered,
      cluster('assisted', startAt + 240_000),
      cluster('assisted-failed', startAt + 250_000),
    ],
    mode: 'installing',
  },
  {
    name: 'also after it was sent to its disk',
    steps: [boot, delivered, 60_000, boot, 300_000, ready(240_000)],
    mode: 'installed',
  },
  {
    name: 'an earlier Ready is the system that is being replaced',
    steps: [boot, 5000, delivered, 300_000, ready(5000)],
    mode: 'installing',
  },
  {
    name: 'Ready by a clock that differs by less than a minute is not a proof',
    steps: [boot, delivered, 300_000, ready(30_000)],
    mode: 'installing',
  },
  {
    name: 'two Ready conditions are compared by the clock of the cluster alone, whatever ours shows',
    steps: [ready(-9 * hour), command('install'), boot, delivered, 300_000, ready(-8 * hour)],
    mode: 'installed',
  },
  {
    name: 'the same Ready condition again is the system that is being replaced',
    steps: [ready(9 * hour), command('install'), boot, delivered, 300_000, ready(9 * hour)],
    mode: 'installing',
  },
  {
    name: 'Ready before the delivery does not end the installation',
    steps: [boot, 5000, ready(4000)],
    mode: 'installing',
  },
  {
    name: 'Ready does not change a failed machine',
    steps: [boot, delivered, callback('failed'), 300_000, ready(240_000)],
    mode: 'failed',
  },
  {
    name: 'the cluster does not disarm a machine that an administrator armed',
    steps: [...installed, command('install'), 300_000, ready(240_000)],
    mode: 'install',
    reason: 'armed by an administrator',
  },
  {
    name: 'a machine that its cluster reports as Ready is not installed because of the site file',
    steps: [ready(0), boot],
    mode: 'local',
    reason: 'its cluster reports it as a node',
  },
  { name: 'nor one that registered', steps: [cluster('registered'), boot], mode: 'local' },
  {
    name: 'nor one whose certificate was approved',
    steps: [cluster('approved-client'), boot],
    mode: 'local',
  },
  { name: 'nor one that is not Ready now', steps: [cluster('not-ready'), boot], mode: 'local' },
  {
    name: 'nor one that was removed from its cluster later',
    steps: [cluster('registered'), cluster('removed'), boot],
    mode: 'local',
  },
  {
    name: 'nor one that the site declared as local before',
    from: initialState({ ...m1, declared: 'local' }),
    steps: [cluster('registered'), declared('install'), boot],
    mode: 'local',
  },
  {
    name: 'an administrator installs it anyway',
    steps: [ready(0), command('install'), boot],
    mode: 'installing',
  },
  {
    name: 'a machine with a system that slipway did not install keeps it',
    steps: [system, boot],
    mode: 'local',
    reason: 'a system that slipway did not install runs on it',
  },
  { name: 'until an administrator arms it', steps: [system, command('install'), boot], mode: 'installing' },
  {
    name: 'an installed machine keeps its disk under another name, role, and address',
    steps: [
      ...installed,
      declared('install', { key: 'other/w9', role: 'worker', addresses: ['192.0.2.77'] }),
      boot,
    ],
    mode: 'installed',
  },
  {
    name: 'also when it was the bootstrap',
    from: initialState({ ...m1, role: 'bootstrap' }),
    steps: [...installed, declared('install', { role: 'worker' }), boot],
    mode: 'installed',
  },
  {
    name: 'a machine that the records do not vouch for keeps its disk',
    from: initialState(m1, 'the state was lost'),
    steps: [boot],
    mode: 'local',
    reason: 'the state was lost',
  },
  {
    name: 'also after a change of the site file',
    from: initialState(m1, 'the state was lost'),
    steps: [declared('menu'), declared('install'), boot],
    mode: 'local',
  },
  {
    name: 'a menu that installs after its time-out is not consent',
    from: initialState({ ...m1, declared: 'menu' }, 'the state was lost'),
    steps: [{ ...chosen, isDeliberate: false }],
    mode: 'menu',
  },
  {
    name: 'a selection in another menu is',
    from: initialState({ ...m1, declared: 'menu' }, 'the state was lost'),
    steps: [chosen],
    mode: 'installing',
  },
  {
    name: 'a wall clock that goes back after the disk was tried changes nothing',
    steps: [boot, delivered, boot, { wallMs: -hour }, 20 * minute, boot],
    mode: 'installed',
  },
  {
    name: 'a wall clock that goes ahead after the disk was tried changes nothing',
    steps: [boot, delivered, boot, { wallMs: 400 * 24 * hour }, minute, boot],
    mode: 'installing',
    reason: 'its disk did not boot',
  },
  {
    name: 'after a reboot of the server the disk is kept, whatever the wall clock shows',
    steps: [boot, delivered, boot, { wallMs: 60_000, isReboot: true }, boot],
    mode: 'installed',
  },
  {
    name: 'and if it went back',
    steps: [boot, delivered, boot, { wallMs: -hour, isReboot: true }, boot],
    mode: 'installed',
  },
  {
    name: 'an arming ends after a day, whatever the wall clock shows',
    steps: [...installed, command('install'), { wallMs: -400 * 24 * hour }, armedMs, time],
    mode: 'installed',
  },
  {
    name: 'an arming does not survive a reboot of the server with a clock that went back',
    steps: [...installed, command('install'), { wallMs: -hour, isReboot: true }, time],
    mode: 'installed',
  },
  {
    name: 'a DHCP message cannot end an installation',
    steps: [boot, delivered, 68_000, system, system],
    mode: 'installing',
  },
  {
    name: 'a registration after the disk was tried keeps the disk',
    steps: [boot, delivered, boot, 1000, cluster('registered'), 1000, boot],
    mode: 'installing',
    reason: 'its network boot started the installation',
  },
]

for (const { name, from, steps, mode, reason = /./ } of cases) {
  const state = after(steps, from)
  t.match({ mode: state.mode, reason: state.reason }, { mode, reason }, name)
  if (mode === 'local' || mode === 'installed') t.ok(keepsDisk(state), `${name}: its disk`)
}

const required = { ...boot, requiresExchange: true }

t.test('an installation needs a recent DHCP exchange of iPXE', (t) => {
  t.equal(after([required]).mode, 'install', 'a request without an exchange')
  t.equal(after([exchange, required]).mode, 'installing')
  t.equal(after([exchange, exchangeMs, required]).mode, 'install', 'too late')
  t.equal(
    after([exchange, { wallMs: -hour }, 1000, required]).mode,
    'installing',
    'whatever the wall clock shows',
  )
  const waits = { ...required, isRecordable: false }
  const polls = Array.from({ length: 60 }, () => [minute, waits]).flat()
  t.equal(
    after([exchange, ...polls, required]).mode,
    'installing',
    'a script that waits continues its exchange',
  )
  t.equal(
    after([...installed, exchange, required, command('install'), required]).mode,
    'install',
    'the disk ends it',
  )
  t.equal(
    after([exchange, callback('failed'), system, command('install'), required]).mode,
    'install',
    'a system ends it',
  )
  t.end()
})

t.test('a request without an exchange neither resumes nor tries the disk', (t) => {
  const late = after([exchange, required, delivered, exchangeMs, required])
  t.match(late.attempt, { probed: undefined })
  t.same(decide(late, required, late.now), { kind: 'disk', code: 'boot.no-dhcp-exchange' })
  const fetched = after([exchange, required, exchangeMs, { ...required, tokenHash: 'next' }])
  t.equal(fetched.attempt?.tokenHash, 'hash')
  t.end()
})

t.test('a token that expired stays expired when the clock goes back', (t) => {
  const state = after([{ ...boot, tokenHash: hashToken('token') }])
  const reader = { token: 'token', address: m1.addresses[0]! }
  const at = (wallMs: number, ms: number) => ({
    ...state.now,
    at: state.now.at + wallMs,
    tick: state.now.tick + ms,
  })
  t.equal(checkRead(m1, state, reader, 'master', at(0, tokenLifetimeMs - 1)).kind, 'allowed')
  t.equal(checkRead(m1, state, reader, 'master', at(-24 * hour, tokenLifetimeMs)).kind, 'refused')
  t.equal(
    checkRead(m1, state, reader, 'master', { at: startAt - hour, tick: 0, epoch: 'next' }).kind,
    'refused',
  )
  t.end()
})

t.test('only the token in the Ignition file proves that the disk booted', (t) => {
  t.equal(after([...installed, callback('started')]).attempt?.bootedAt, undefined)
  t.equal(after([...installed, 5, callback('started', true)]).attempt?.bootedAt, startAt + 5)
  t.end()
})

t.test('the disk of a machine that returns after more than ten minutes is kept', (t) => {
  const probed = [boot, delivered, 1, boot]
  t.equal(after([...probed, rebootTimeoutMs, boot]).mode, 'installing')
  t.equal(after([...probed, rebootTimeoutMs + 1, boot]).mode, 'installed')
  t.end()
})
