import t from 'tap'
import { takeListenFds } from '../../src/host/sockets.ts'

const cases = [
  {
    name: 'descriptors count from 3 and keep the order of the units',
    environment: { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'dhcp:tftp:http' },
    passed: { dhcp: [3], tftp: [4], http: [5] },
  },
  {
    name: 'one name can have several descriptors, for example one DHCP socket per interface',
    environment: { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'dhcp:dns:dhcp' },
    passed: { dhcp: [3, 5], dns: [4] },
  },
  {
    name: 'descriptors without names are called unknown',
    environment: { LISTEN_PID: '7', LISTEN_FDS: '2' },
    passed: { unknown: [3, 4] },
  },
  {
    name: 'descriptors of another process are ignored',
    environment: { LISTEN_PID: '8', LISTEN_FDS: '1', LISTEN_FDNAMES: 'dhcp' },
    passed: {},
  },
  { name: 'without systemd there are no descriptors', environment: {}, passed: {} },
]

for (const { name, environment, passed } of cases) {
  t.test(name, (t) => {
    t.same(Object.fromEntries(takeListenFds(environment, 7)), passed)
    t.end()
  })
}

t.test('the variables are removed, so that child processes do not use them', (t) => {
  const environment = {
    LISTEN_PID: '8',
    LISTEN_PIDFDID: '1',
    LISTEN_FDS: '1',
    LISTEN_FDNAMES: 'dhcp',
    HOME: '/root',
  }
  takeListenFds(environment, 7)
  t.same(environment, { HOME: '/root' })
  t.end()
})
