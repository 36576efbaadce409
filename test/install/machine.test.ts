import t from 'tap'
import {
  advance,
  armedMs,
  begin,
  rebootTimeoutMs,
  maxAttempts,
  settledMs,
  type Event,
  type State,
} from '../../src/install/machine.ts'
import { installPlan } from '../support/installs.ts'

const m1 = installPlan().get('ocp45/m1')!
const boot: Event = { kind: 'boot', role: 'master', isChosen: false, tokenHash: 'hash' }
const chosen: Event = { ...boot, role: 'worker', isChosen: true }
const delivered: Event = { kind: 'delivered' }
const system: Event = { kind: 'system' }
const time: Event = { kind: 'time' }
const command = (name: 'install' | 'local' | 'menu'): Event => ({ kind: 'command', command: name })
const callback = (stage: 'written' | 'started' | 'failed'): Event => ({ kind: 'callback', stage })
const declared = (mode: 'install' | 'local' | 'menu', mac = m1.mac): Event => ({
  kind: 'declared',
  node: { ...m1, declared: mode, mac },
})

/** Events, and milliseconds that pass between them. */
function after(steps: readonly (Event | number)[], first: State = begin(m1)): State & { now: number } {
  let state = first
  let now = 1_000_000
  for (const step of steps) {
    if (typeof step === 'number') now += step
    else state = advance(state, step, now)
  }
  return { ...state, now }
}

const menu = { ...begin(m1), mode: 'menu', declared: 'menu' } as const
const local = { ...begin(m1), mode: 'local', declared: 'local' } as const
const installed = [boot, delivered, callback('written')]
const comeback = 'its disk did not boot'
const untouched = 'it came back before it had fetched its Ignition file'

const cases: readonly {
  name: string
  from?: State
  steps: readonly (Event | number)[]
  mode: State['mode']
  reason: string | RegExp
}[] = [
  {
    name: 'a node is as the site declares it',
    steps: [],
    mode: 'install',
    reason: 'the site file says install',
  },
  {
    name: 'a network boot of an armed node begins its installation',
    steps: [boot],
    mode: 'installing',
    reason: 'its network boot began the installation',
  },
  {
    name: 'who comes back before it fetched its Ignition file installs anew',
    steps: [boot, 1000, boot],
    mode: 'installing',
    reason: untouched,
  },
  {
    name: 'who comes back too often without having fetched it fails',
    steps: Array.from({ length: maxAttempts + 1 }, () => boot),
    mode: 'failed',
    reason: `5 attempts came to nothing, the last 1 min after it began: ${untouched}`,
  },
  {
    name: 'its installer reports that the disk is written',
    steps: [boot, delivered, callback('written')],
    mode: 'installed',
    reason: 'its installer reported that the disk is written',
  },
  {
    name: 'its installed system reports that it started, when the first word was lost',
    steps: [boot, delivered, callback('started')],
    mode: 'installed',
    reason: 'its installed system reported that it started',
  },
  {
    name: 'its installer gives up',
    steps: [boot, delivered, callback('failed')],
    mode: 'failed',
    reason: 'its installer reported that it gave up: its console says why',
  },
  {
    name: 'an installer that gave up and then did it is believed',
    steps: [boot, delivered, callback('failed'), callback('written')],
    mode: 'installed',
    reason: /written/,
  },
  {
    name: 'an installed node is not failed by a late word',
    steps: [...installed, callback('failed')],
    mode: 'installed',
    reason: /written/,
  },
  {
    name: "the live system's own DHCP proves nothing",
    steps: [boot, system, delivered, settledMs - 1, system],
    mode: 'installing',
    reason: /began/,
  },
  {
    name: 'a fresh address a minute after the Ignition file is the installed system',
    steps: [boot, delivered, settledMs, system],
    mode: 'installed',
    reason: 'a system asked for an address 60 s after the installer had everything',
  },
  {
    name: 'without a word, the next network boot is sent to the disk',
    steps: [boot, delivered, settledMs, boot],
    mode: 'installing',
    reason: /began/,
  },
  {
    name: 'a system that asks for an address after that was on the disk',
    steps: [boot, delivered, 1, boot, 1, system],
    mode: 'installed',
    reason: 'a system asked for an address after it was sent to its disk',
  },
  {
    name: 'who comes back soon after that has a disk that does not boot, and installs anew',
    steps: [boot, delivered, 1, boot, rebootTimeoutMs, boot],
    mode: 'installing',
    reason: comeback,
  },
  {
    name: 'who comes back late after that ran from its disk, and is never installed over it',
    steps: [boot, delivered, 1, boot, rebootTimeoutMs + 1, boot],
    mode: 'installed',
    reason: 'its disk kept it for more than 10 minutes',
  },
  {
    name: 'a disk that never boots fails the node in the end',
    steps: Array.from({ length: maxAttempts }, () => [boot, delivered, boot])
      .flat()
      .concat(boot),
    mode: 'failed',
    reason: `5 attempts came to nothing, the last 1 min after it began: ${comeback}`,
  },
  {
    name: 'an installed node boots its disk',
    steps: [...installed, boot],
    mode: 'installed',
    reason: /written/,
  },
  {
    name: 'install in the site file does not arm an installed node',
    steps: [...installed, declared('install')],
    mode: 'installed',
    reason: /written/,
  },
  {
    name: 'nor does it when it said local in between',
    steps: [...installed, declared('local'), declared('install')],
    mode: 'installed',
    reason: 'the site file says install, which it was already',
  },
  {
    name: 'menu declared anew wins',
    steps: [...installed, declared('menu')],
    mode: 'menu',
    reason: 'the site file says menu',
  },
  {
    name: 'install declared anew arms a node that never was installed',
    from: local,
    steps: [declared('install')],
    mode: 'install',
    reason: 'the site file says install',
  },
  {
    name: 'install declared anew leaves alone an installation under way',
    from: menu,
    steps: [chosen, declared('install')],
    mode: 'installing',
    reason: /menu/,
  },
  {
    name: 'the same declaration changes nothing',
    steps: [boot, declared('install')],
    mode: 'installing',
    reason: /began/,
  },
  {
    name: 'another MAC address is another machine',
    steps: [...installed, declared('install', '00:00:5e:00:53:ff')],
    mode: 'install',
    reason: 'the site file says install',
  },
  {
    name: 'a person arms an installed node',
    steps: [...installed, command('install')],
    mode: 'install',
    reason: 'a person said so',
  },
  {
    name: 'an armed node that nobody boots goes back to what it was',
    steps: [...installed, command('install'), command('install'), armedMs, time],
    mode: 'installed',
    reason: 'nobody booted it while it was armed; before: its installer reported that the disk is written',
  },
  {
    name: 'a moment before, it is still armed',
    steps: [...installed, command('install'), armedMs - 1, time],
    mode: 'install',
    reason: /person/,
  },
  {
    name: 'who was armed in the middle of an installation goes back to failed, as nobody knows its disk',
    steps: [boot, command('install'), armedMs, boot],
    mode: 'failed',
    reason: /^nobody booted it/,
  },
  {
    name: 'a person frees a failed node',
    steps: [boot, callback('failed'), command('install'), boot],
    mode: 'installing',
    reason: /network boot/,
  },
  {
    name: 'a person sends it to its disk',
    steps: [boot, command('local')],
    mode: 'local',
    reason: 'a person said so',
  },
  {
    name: 'a person lets it choose',
    steps: [boot, command('menu')],
    mode: 'menu',
    reason: 'a person said so',
  },
  { name: 'its menu is shown', from: menu, steps: [boot], mode: 'menu', reason: '' },
  {
    name: 'an installation is chosen in the menu',
    from: menu,
    steps: [chosen],
    mode: 'installing',
    reason: 'a person chose the installation in its menu',
  },
  {
    name: 'who chose may choose again while nothing is written',
    from: menu,
    steps: [chosen, boot],
    mode: 'menu',
    reason: untouched,
  },
  {
    name: 'a script that asks again for what was chosen goes on',
    from: menu,
    steps: [chosen, chosen],
    mode: 'installing',
    reason: untouched,
  },
  {
    name: 'nothing can be chosen for a node that boots its disk',
    from: local,
    steps: [chosen],
    mode: 'local',
    reason: '',
  },
  {
    name: 'what is asked and read of a node that is not being installed counts for nothing',
    steps: [{ kind: 'asked' }, { kind: 'read' }, delivered, system],
    mode: 'install',
    reason: /site/,
  },
]

for (const { name, from, steps, mode, reason } of cases) {
  const state = after(steps, from && { ...from, reason: '' })
  t.match({ mode: state.mode, reason: state.reason }, { mode, reason }, name)
}

t.test('a state that installs and has lost its attempt waits for a person', (t) => {
  t.match(after([boot], { ...begin(m1), mode: 'installing' }), { mode: 'installing', attempt: undefined })
  t.end()
})

t.test('an attempt knows how many came before it, and who began it', (t) => {
  t.match(after([boot, 5, { ...boot, tokenHash: 'next' }]).attempt, {
    ...{ role: 'master', startedAt: 1_000_005, earlier: 1, begunBy: 'arming', tokenHash: 'next' },
    ...{ requests: 0, reads: 0 },
  })
  t.match(after([chosen], menu).attempt, { role: 'worker', earlier: 0, begunBy: 'menu' })
  t.match(after([boot, { kind: 'asked' }, { kind: 'read' }, delivered, 7, delivered]).attempt, {
    ...{ requests: 1, reads: 1, deliveredAt: 1_000_000 },
  })
  t.end()
})

t.test(
  'a command and a new declaration end what the token is worth; an installation that ended keeps it',
  (t) => {
    t.equal(after([boot, command('install')]).attempt?.tokenHash, '')
    t.equal(after([boot, declared('local')]).attempt?.tokenHash, '')
    t.equal(after(installed).attempt?.tokenHash, 'hash')
    t.equal(after([command('local')]).attempt, undefined)
    t.end()
  },
)
