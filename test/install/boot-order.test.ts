/** The boot order of the firmware: DHCP exchanges of iPXE, and disk boots tried from each entry. */
import t from 'tap'
import { rebootTimeoutMs } from '../../src/install/decide-boot.ts'
import type { Event } from '../../src/install/machine.ts'
import { acknowledged, installsWorld } from '../support/installs.ts'
import { after, boot, delivered, exchange } from '../support/machine-events.ts'

t.test('the disk is tried once from each boot entry, and a record without entries counts as tried', (t) => {
  const from = (entry: 'pxe' | 'http' | 'ipxe'): Event[] => [{ kind: 'exchange', entry }, boot]
  const tried = [boot, delivered, 60_000, ...from('pxe'), 60_000, ...from('http'), 60_000, ...from('ipxe')]
  t.match(after(tried).attempt, { tried: ['pxe', 'http', 'ipxe'], earlier: 0 })
  t.match(after([...tried, 60_000, ...from('http')]).attempt, { tried: undefined, earlier: 1 })
  const late = after([...tried, rebootTimeoutMs + 1, ...from('pxe')])
  t.equal(late.mode, 'installed', 'the time counts from the last attempt to boot the disk')
  const older = after([boot, delivered, 1, boot])
  Reflect.deleteProperty(older.attempt as object, 'tried')
  t.match(after([1, ...from('pxe')], older).attempt, { earlier: 1 })
  t.end()
})

t.test('repeated DHCP messages of iPXE change the record at most every 10 s', (t) => {
  const first = after([exchange])
  t.equal(after([exchange, 9999, exchange]).exchange?.at, first.now.at)
  t.equal(after([exchange, 10_000, exchange]).exchange?.at, first.now.at + 10_000)
  t.end()
})

t.test('one pass through a boot order with several network entries tries the disk once', async (t) => {
  const key = 'ocp45/m1'
  const world = installsWorld()
  const { installs, clock } = world
  const boots = async (...askers: readonly ('firmware' | 'http-firmware' | 'ipxe')[]) => {
    clock.advance(60_000)
    for (const asker of askers) installs.observe(acknowledged(key, asker))
    const { kind } = await installs.boot(key, { isSkipping: false })
    installs.observe({ node: key, kind: 'script', script: kind === 'install' ? 'install' : 'local' })
    return kind
  }
  const pass = async () => [
    await boots('firmware', 'ipxe'),
    await boots('http-firmware', 'ipxe'),
    await boots('ipxe'),
  ]
  const first = await installs.boot(key, { isSkipping: false })
  if (first.kind !== 'install') throw new Error(`expected an installation, got ${first.kind}`)
  installs.observe({ node: key, kind: 'script', script: 'install' })
  await installs.mayRead(key, {
    token: first.token,
    address: '192.0.2.11',
    what: 'master',
    isHead: false,
  })
  t.same(await pass(), ['local', 'local', 'local'], 'its disk may be fine: the firmware has not tried it yet')
  t.equal(await boots('firmware', 'ipxe'), 'install', 'its disk did not boot')
})
