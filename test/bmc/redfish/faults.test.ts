/** Faults of a BMC during one command: slow, busy, lost, and cut responses. */
import t from 'tap'
import { systemClock, type Clock } from '../../../src/host/clock.ts'
import { bmcPower, node, refusalOf, reportOf } from '../../support/bmc-power.ts'
import { busyUntil, cut, lost } from '../../support/fake-bmc.ts'

const user = 'local:alice'

/** Returns a clock that keeps the requested pauses, and makes them short. */
function hastyClock() {
  const waits: number[] = []
  const clock: Clock = {
    ...systemClock,
    after(ms, run) {
      waits.push(ms)
      return systemClock.after(1, run)
    },
  }
  return { waits, clock }
}

t.test('the time of Retry-After is waited, in seconds or as a date, and at most 30 s', async (t) => {
  const { waits, clock } = hastyClock()
  const { power, bmc } = await bmcPower(t, {}, { clock })
  bmc.faults.push(busyUntil('7'), busyUntil('600'))
  reportOf(await power.report(node))
  t.same(waits, [7000, 30_000])
  waits.length = 0
  const soon = new Date(systemClock.now() + 9000).toUTCString()
  bmc.faults.push(busyUntil(soon), busyUntil('Thu, 01 Jan 2026 00:00:00 GMT'))
  reportOf(await power.command(node, { user }))
  t.ok((waits[0] ?? 0) > 7000 && (waits[0] ?? 0) <= 9000, `${waits[0]} ms`)
  t.equal(waits[1], 0, 'a date in the past')
  waits.length = 0
  bmc.faults.push(busyUntil('soon'))
  reportOf(await power.command(node, { user }))
  t.same(waits, [1], 'the usual pause')
})

t.test('a BMC that is slow, but within the limit', async (t) => {
  const { power, bmc } = await bmcPower(t, { delayMs: 60 })
  t.equal(reportOf(await power.command(node, { action: 'on', user })).power, 'on')
  t.equal(bmc.requests.filter((each) => each.endsWith('ComputerSystem.Reset')).length, 1)
})

t.test('a response that is cut in the middle is requested again', async (t) => {
  const { power, bmc } = await bmcPower(t)
  bmc.faults.push(cut, cut)
  t.equal(reportOf(await power.report(node)).power, 'off')
  t.equal(bmc.sessions.size, 0)
})

t.test('a boot device whose response is lost is set again, and the machine is restarted once', async (t) => {
  let patches = 0
  const { power, bmc } = await bmcPower(t, {
    refuseBoot: (_boot, request) => {
      patches += 1
      if (patches === 1) lost(request, undefined as never)
      return undefined
    },
  })
  const report = reportOf(await power.command(node, { action: 'cycle', boot: 'network', user }))
  t.same(report.bootOverride, { target: 'Pxe', isOnce: true })
  t.equal(bmc.requests.filter((each) => each.startsWith('PATCH')).length, 2)
  t.equal(bmc.requests.filter((each) => each.endsWith('ComputerSystem.Reset')).length, 1)
})

t.test('a reset that the web server of the BMC does not confirm is not repeated', async (t) => {
  const { power, bmc } = await bmcPower(t)
  bmc.failReset('gateway')
  t.equal(reportOf(await power.command(node, { action: 'on', user })).power, 'on', 'the power shows it')
  bmc.failReset('gateway')
  t.match(refusalOf(await power.command(node, { action: 'cycle', user })), {
    code: 'bmc.connection-lost',
    reason: /ended after the command was sent \(HTTP 504\): it may have been carried out/,
  })
  t.equal(bmc.requests.filter((each) => each.endsWith('ComputerSystem.Reset')).length, 2)
})
