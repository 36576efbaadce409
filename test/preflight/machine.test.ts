import t from 'tap'
import { clockCheck, diskCheck, networkCheck, selinuxCheck, stateCheck } from '../../src/preflight/machine.ts'
import { runCheck } from '../support/probes.ts'

const reading = (files: Readonly<Record<string, string>>) => ({
  read: (path: string) => Promise.resolve(files[path]),
})
const running = (kind: 'done' | 'missing' | 'failed', output = '') => ({
  run: () => Promise.resolve({ kind, ending: '', output }),
})

t.test('checks the address, the carrier, and the MTU of the interfaces', async (t) => {
  t.match(await runCheck(networkCheck, { hasAddress: () => false }), [
    { status: 'failure', code: 'preflight.address-missing', text: /192\.0\.2\.2/ },
  ])
  const files = { '/sys/class/net/eth0/carrier': '0\n', '/sys/class/net/eth0/mtu': '1500\n' }
  t.match(
    await runCheck(networkCheck, reading(files), {}, (site) =>
      Object.assign(site.subnets[0] as object, { mtu: 9000 }),
    ),
    [
      { status: 'failure', code: 'preflight.no-carrier', text: 'eth0 (192.0.2.0/24) has no carrier' },
      {
        status: 'warning',
        code: 'preflight.mtu-too-small',
        text: 'eth0 (192.0.2.0/24) has an MTU of 1500, its nodes get 9000',
      },
    ],
  )
  const narrow = { '/sys/class/net/eth0/carrier': '1\n', '/sys/class/net/eth0/mtu': '1450\n' }
  t.match(
    await runCheck(networkCheck, reading(narrow)),
    [
      {
        status: 'warning',
        code: 'preflight.mtu-too-small',
        text: 'eth0 (192.0.2.0/24) has an MTU of 1450, its nodes use 1500',
      },
    ],
    'a site without mtu',
  )
  const elsewhere = {
    interfaces: () => ({
      lo: [{ address: '::1', netmask: '', cidr: null, internal: true }],
      eth1: undefined,
    }),
  }
  t.match(await runCheck(networkCheck, elsewhere), [{ status: 'ok' }], 'a relayed subnet')
})

t.test('checks that the clock is synchronized', async (t) => {
  t.match(await runCheck(clockCheck, running('done', 'no')), [
    { status: 'warning', code: 'preflight.clock-not-synchronized' },
  ])
  t.match(await runCheck(clockCheck, running('missing')), [
    { status: 'warning', code: 'preflight.not-checked' },
  ])
  const files = reading({ '/run/systemd/timesync/synchronized': '' })
  t.match(await runCheck(clockCheck, { ...running('failed'), ...files }), [{ status: 'ok' }])
})

t.test('checks whether SELinux lets HAProxy connect', async (t) => {
  const enforcing = reading({ '/sys/fs/selinux/enforce': '1' })
  const withHaproxy = (site: object) => Object.assign(site, { haproxy: { file: '/etc/haproxy/haproxy.cfg' } })
  const check = (probes: object) => runCheck(selinuxCheck, { ...enforcing, ...probes }, {}, withHaproxy)
  t.match(await check(running('done', 'haproxy_connect_any --> on')), [{ status: 'ok' }])
  t.match(await check(running('done', 'haproxy_connect_any --> off')), [
    { status: 'failure', code: 'preflight.selinux-denies', remedy: /setsebool/ },
  ])
  t.match(await check(running('missing')), [{ status: 'warning', code: 'preflight.not-checked' }])
  t.match(await runCheck(selinuxCheck, enforcing), [{ status: 'ok', text: /does not use HAProxy/ }])
})

t.test('checks the free space and the state directory', async (t) => {
  const free = (bytes: number) => ({ freeBytes: () => Promise.resolve(bytes) })
  t.match(await runCheck(diskCheck, free(10 * 1024 * 1024)), [
    { status: 'failure', code: 'preflight.disk-full', text: '/var/lib/slipway has 10.0 MiB of free space' },
    { status: 'failure', text: /^\/srv\/rhcos/ },
  ])
  t.match(await runCheck(diskCheck, free(100 * 1024 * 1024)), [{ status: 'warning' }, { status: 'warning' }])
  const absent = { freeBytes: () => Promise.reject(new Error('ENOENT')) }
  t.match(await runCheck(diskCheck, absent), [{ status: 'ok' }])
  const readOnly = { writeProblem: () => Promise.resolve('is on a read-only file system') }
  t.match(await runCheck(stateCheck, readOnly), [
    {
      status: 'failure',
      code: 'preflight.state-not-writable',
      text: '/var/lib/slipway is on a read-only file system',
    },
  ])
})
