import t from 'tap'
import { maxAttempts, rebootTimeoutMs } from '../../src/install/decide-boot.ts'
import { armedMs, settledMs, type Event } from '../../src/install/machine.ts'
import { initialState, type State } from '../../src/install/machine-state.ts'
import {
  after,
  boot,
  callback,
  chosen,
  command,
  declared,
  delivered,
  m1,
  startAt,
  system,
  time,
} from '../support/machine-events.ts'

const menu = { ...initialState(m1), mode: 'menu', declared: 'menu' } as const
const local = { ...initialState(m1), mode: 'local', declared: 'local' } as const
const installed = [boot, delivered, callback('written')]
const diskFailed = 'its disk did not boot'
const unchanged = 'it returned before it fetched its Ignition file'

const cases: readonly {
  name: string
  from?: State
  steps: readonly (Event | number)[]
  mode: State['mode']
  reason: string | RegExp
}[] = [
  {
    name: 'a machine is as the site declares it',
    steps: [],
    mode: 'install',
    reason: 'the site file sets boot: install',
  },
  {
    name: 'a network boot of an armed machine starts its installation',
    steps: [boot],
    mode: 'installing',
    reason: 'its network boot started the installation',
  },
  {
    name: 'a machine that returns before it fetched its Ignition file resumes',
    steps: [boot, 1000, boot],
    mode: 'installing',
    reason: unchanged,
  },
  {
    name: 'a machine that returns too often without having fetched it fails',
    steps: Array.from({ length: maxAttempts + 1 }, () => boot),
    mode: 'failed',
    reason: `5 attempts failed, the last 1 min after its start: ${unchanged}`,
  },
  {
    name: 'its installer reports that the disk is written',
    steps: [boot, delivered, callback('written')],
    mode: 'installed',
    reason: 'its installer reported that the disk is written',
  },
  {
    name: 'its installed system reports that it started, and the first callback was lost',
    steps: [boot, delivered, callback('started')],
    mode: 'installed',
    reason: 'its installed system reported that it started',
  },
  {
    name: 'its installer fails',
    steps: [boot, delivered, callback('failed')],
    mode: 'failed',
    reason: 'its installer reported that it failed: its console shows the cause',
  },
  {
    name: 'an installer that failed and later succeeded is installed',
    steps: [boot, delivered, callback('failed'), callback('written')],
    mode: 'installed',
    reason: /written/,
  },
  {
    name: 'a late callback does not fail an installed machine',
    steps: [...installed, callback('failed')],
    mode: 'installed',
    reason: /written/,
  },
  {
    name: 'the DHCP of the live system changes nothing',
    steps: [boot, system, delivered, settledMs - 1, system],
    mode: 'installing',
    reason: /started/,
  },
  {
    name: 'a DHCP request a minute after the Ignition file is only a hint',
    steps: [boot, delivered, settledMs, system],
    mode: 'installing',
    reason: /started/,
  },
  {
    name: 'without a callback, the next network boot is sent to the disk',
    steps: [boot, delivered, settledMs, boot],
    mode: 'installing',
    reason: /started/,
  },
  {
    name: 'a machine that returns soon after a DHCP request from its disk keeps its disk, and is not installed',
    steps: [boot, delivered, 1, boot, 1, system, 1000, boot],
    mode: 'installing',
    reason: /started/,
  },
  {
    name: 'a machine that returns soon after that has a disk that does not boot, and resumes',
    steps: [boot, delivered, 1, boot, rebootTimeoutMs, boot],
    mode: 'installing',
    reason: diskFailed,
  },
  {
    name: 'a machine that returns late after that ran from its disk, and keeps it',
    steps: [boot, delivered, 1, boot, rebootTimeoutMs + 1, boot],
    mode: 'installed',
    reason: 'it kept running from its disk for more than 10 minutes',
  },
  {
    name: 'a request that is repeated at once after the machine was sent to its disk does not install it again',
    steps: [boot, delivered, boot, 1000, boot, 3000, boot],
    mode: 'installing',
    reason: 'its network boot started the installation',
  },
  {
    name: 'a disk that never boots fails the machine in the end',
    steps: Array.from({ length: maxAttempts }, () => [boot, delivered, boot, 6000])
      .flat()
      .concat(boot),
    mode: 'failed',
    reason: `5 attempts failed, the last 1 min after its start: ${diskFailed}`,
  },
  {
    name: 'an installed machine boots its disk',
    steps: [...installed, boot],
    mode: 'installed',
    reason: /written/,
  },
  {
    name: 'install in the site file does not arm an installed machine',
    steps: [...installed, declared('install')],
    mode: 'installed',
    reason: /written/,
  },
  {
    name: 'nor after local in between',
    steps: [...installed, declared('local'), declared('install')],
    mode: 'installed',
    reason: 'slipway installed this machine before',
  },
  {
    name: 'a change to menu takes effect',
    steps: [...installed, declared('menu')],
    mode: 'menu',
    reason: 'the site file sets boot: menu',
  },
  {
    name: 'a change to install arms a machine that was never installed',
    from: local,
    steps: [declared('install')],
    mode: 'install',
    reason: 'the site file sets boot: install',
  },
  {
    name: 'a change to install does not affect an installation in progress',
    from: menu,
    steps: [chosen, declared('install')],
    mode: 'installing',
    reason: /menu/,
  },
  {
    name: 'the same declaration changes nothing',
    steps: [boot, declared('install')],
    mode: 'installing',
    reason: /started/,
  },
  {
    name: 'another MAC address is another machine',
    steps: [...installed, declared('install', { mac: '00:00:5e:00:53:ff' })],
    mode: 'install',
    reason: 'the site file sets boot: install',
  },
  {
    name: 'an administrator arms an installed machine',
    steps: [...installed, command('install')],
    mode: 'install',
    reason: 'armed by an administrator',
  },
  {
    name: 'an armed machine that does not boot in time returns to its state before',
    steps: [...installed, command('install'), command('install'), armedMs, time],
    mode: 'installed',
    reason: 'it did not boot while it was armed; before: its installer reported that the disk is written',
  },
  {
    name: 'a moment before, it is still armed',
    steps: [...installed, command('install'), armedMs - 1, time],
    mode: 'install',
    reason: /administrator/,
  },
  {
    name: 'a machine that was armed during an installation returns to failed: its disk is unknown',
    steps: [boot, command('install'), armedMs, boot],
    mode: 'failed',
    reason: /^it did not boot/,
  },
  {
    name: 'an administrator arms a failed machine',
    steps: [boot, callback('failed'), command('install'), boot],
    mode: 'installing',
    reason: /network boot/,
  },
  {
    name: 'an administrator sends it to its disk',
    steps: [boot, command('local')],
    mode: 'local',
    reason: 'set by an administrator',
  },
  {
    name: 'an administrator shows its menu',
    steps: [boot, command('menu')],
    mode: 'menu',
    reason: 'set by an administrator',
  },
  { name: 'its menu is shown', from: menu, steps: [boot], mode: 'menu', reason: '' },
  {
    name: 'an installation is selected in the menu',
    from: menu,
    steps: [chosen],
    mode: 'installing',
    reason: 'selected in its boot menu',
  },
  {
    name: 'the menu returns while nothing is written',
    from: menu,
    steps: [chosen, boot],
    mode: 'menu',
    reason: unchanged,
  },
  {
    name: 'a script that repeats its selection resumes',
    from: menu,
    steps: [chosen, chosen],
    mode: 'installing',
    reason: unchanged,
  },
  {
    name: 'nothing can be selected for a machine that boots its disk',
    from: local,
    steps: [chosen],
    mode: 'local',
    reason: '',
  },
  {
    name: 'requests for a machine that is not being installed change nothing',
    steps: [{ kind: 'request', isLast: false }, { kind: 'read' }, delivered],
    mode: 'install',
    reason: /site/,
  },
]

for (const { name, from, steps, mode, reason } of cases) {
  const state = after(steps, from && { ...from, reason: '' })
  t.match({ mode: state.mode, reason: state.reason }, { mode, reason }, name)
}

t.test('a record without its attempt keeps the disk', (t) => {
  t.match(after([boot], { ...initialState(m1), mode: 'installing' }), {
    mode: 'installing',
    attempt: undefined,
  })
  t.end()
})

t.test('an attempt has the number of earlier attempts, and its origin', (t) => {
  t.match(after([boot, 5, { ...boot, tokenHash: 'next' }]).attempt, {
    role: 'master',
    startedAt: startAt + 5,
    earlier: 1,
    startedBy: 'site',
    tokenHash: 'next',
    requests: 0,
    reads: 0,
  })
  t.match(after([chosen], menu).attempt, { role: 'worker', earlier: 0, startedBy: 'menu' })
  t.match(
    after([boot, { kind: 'request', isLast: false }, { kind: 'read' }, delivered, 7, delivered]).attempt,
    {
      requests: 3,
      reads: 1,
      delivered: { at: startAt },
    },
  )
  t.end()
})

t.test('a command and a changed declaration revoke the token; a completed installation keeps it', (t) => {
  t.equal(after([boot, command('install')]).attempt?.tokenHash, '')
  t.equal(after([boot, declared('local')]).attempt?.tokenHash, '')
  t.equal(after(installed).attempt?.tokenHash, 'hash')
  t.equal(after([command('local')]).attempt, undefined)
  t.end()
})
