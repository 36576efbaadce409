import t from 'tap'
import { createInventory } from '../../src/inventory/inventory.ts'
import { parseIpv4, type Ipv4 } from '../../src/proto/address/ip.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { exampleReport } from '../support/inventory-report.ts'
import { guest } from '../support/inventory-site.ts'

const reportOf = (mac: string) => JSON.stringify({ ...exampleReport, interfaces: [{ mac }] })
const macOf = (index: number) => `52:54:00:00:01:${index.toString(16).padStart(2, '0')}` as Mac

t.test('a lease that DHCP recorded last is known when its machine reports', (t) => {
  const address = parseIpv4('192.0.2.240') as Ipv4
  const range = { from: address, to: address, leaseMs: 600_000 }
  let drained = 0
  const inventory = createInventory({
    clock: fakeClock(),
    drain() {
      drained++
      inventory.bindings.keep({ mac: guest as Mac, address }, range, true)
    },
  })
  t.equal(inventory.holderOf('192.0.2.240'), guest)
  t.equal(drained, 1)
  t.equal(inventory.holderOf('192.0.2.241'), undefined)
  t.equal(inventory.holderOf('2001:db8::1'), undefined)
  t.end()
})

t.test('a report is stored with its time, and a later one replaces it', async (t) => {
  const clock = fakeClock(Date.UTC(2026, 0, 1))
  const inventory = createInventory({ clock, drain() {} })
  t.equal(inventory.reportOf(guest as Mac), undefined)
  t.equal(await inventory.receive(guest as Mac, '{}'), 'invalid')
  t.match(await inventory.receive(guest as Mac, reportOf(guest)), { receivedAt: Date.UTC(2026, 0, 1) })
  t.equal(await inventory.receive(guest as Mac, reportOf(guest)), 'busy', 'at most one report in a second')
  clock.advance(1000)
  t.match(await inventory.receive(guest as Mac, reportOf(guest)), { serial: 'SN-0001' })
  t.match(inventory.reportOf(guest as Mac), { receivedAt: Date.UTC(2026, 0, 1) + 1000 })
})

t.test('a flood of forged machines does not displace the others', async (t) => {
  const clock = fakeClock()
  const inventory = createInventory({ clock, drain() {} })
  await inventory.receive(guest as Mac, reportOf(guest))
  for (let index = 0; index < 63; index++) {
    t.type(await inventory.receive(macOf(index), reportOf(macOf(index))), 'object')
  }
  t.equal(await inventory.receive(macOf(64), reportOf(macOf(64))), 'busy')
  t.ok(inventory.reportOf(guest as Mac))
  clock.advance(10_000)
  t.type(await inventory.receive(macOf(64), reportOf(macOf(64))), 'object', 'one more in 10 s')
  t.type(await inventory.receive(guest as Mac, reportOf(guest)), 'object', 'a known machine can report again')
})
