import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLog } from '../../src/host/log.ts'
import { createRecordedInventory } from '../../src/inventory/record.ts'
import type { InventoryLeases } from '../../src/plan/dhcp/plan.ts'
import type { Ipv4 } from '../../src/proto/address/ip.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { fakeClock } from '../support/fake-clock.ts'

const [from, to] = [0xc00002f0, 0xc00002f2] as Ipv4[] as [Ipv4, Ipv4]
const range = { from, to, leaseMs: 600_000 } as InventoryLeases
const mac = (index: number) => `52:54:00:00:00:0${index}` as Mac

/** Each start is another process with the same clock on the wall. */
function setUp(t: Test) {
  const directory = t.testdir()
  const clock = fakeClock()
  const lines: unknown[] = []
  const log = createLog('error', { write: (line: string) => void lines.push(JSON.parse(line)) })
  const start = async () => {
    const inventory = await createRecordedInventory({ directory, clock, log, drain() {} }, range)
    // What it still writes would be in the directory that the test removes.
    t.teardown(() => inventory.close())
    return inventory
  }
  return { clock, log, lines, start, file: join(directory, 'inventory-leases.json') }
}

t.test('a restart knows the leases, and gives their addresses to no other machine', async (t) => {
  const { start, clock } = setUp(t)
  const before = await start()
  for (const [index, address] of [from, from + 1].entries()) {
    before.bindings.keep({ mac: mac(index), address: address as Ipv4 }, range, true)
  }
  before.bindings.decline(mac(1), range)
  await before.close()
  clock.advance(60_000)

  const { bindings } = await start()
  t.match(bindings.at(from), { mac: mac(0) })
  t.equal(bindings.offer(mac(5), range)?.address, to, 'the only free address')
  t.equal(bindings.offer(mac(6), range), undefined)
  clock.advance(540_001)
  t.equal(bindings.offer(mac(7), range)?.address, from + 1, 'a declined address is free after a while')
  t.match(bindings.at(from), { mac: mac(0) }, 'the lease and a minute')
  clock.advance(60_000)
  t.equal(bindings.at(from), undefined)
})

t.test('a released address is free after a restart', async (t) => {
  const { start } = setUp(t)
  const before = await start()
  before.bindings.keep({ mac: mac(1), address: from }, range, true)
  before.bindings.release(mac(1))
  await before.close()
  t.same((await start()).bindings.live(), [])
})

t.test('with a damaged record, no machine gets an address until all earlier leases have ended', async (t) => {
  const { start, clock, lines, file } = setUp(t)
  const lease = { address: '192.0.2.240', mac: mac(1), until: clock.now() + 1000 }
  for (const text of [
    '{',
    '{"version":2,"leases":[]}',
    '{"version":1,"leases":{}}',
    JSON.stringify({ version: 1, leases: [lease, { ...lease, address: 'x' }] }),
    JSON.stringify({ version: 1, leases: [{ ...lease, mac: 'x' }] }),
    JSON.stringify({ version: 1, leases: [{ ...lease, until: 'x' }] }),
    JSON.stringify({ version: 1, leases: [null] }),
  ]) {
    writeFileSync(file, text)
    lines.length = 0
    const { bindings, close } = await start()
    t.match(lines, [{ code: 'state.inventory-record-unreadable' }], text)
    t.equal(bindings.offer(mac(1), range), undefined)
    clock.advance(660_000)
    t.ok(bindings.offer(mac(1), range))
    await close()
  }
})

t.test('a clock that was set back does not hold an address for longer than a lease', async (t) => {
  const { start, clock, file } = setUp(t)
  const until = clock.now() + 1e9
  writeFileSync(
    file,
    JSON.stringify({ version: 1, leases: [{ address: '192.0.2.240', mac: mac(1), until }] }),
  )
  const { bindings } = await start()
  t.match(bindings.live(), [{ mac: mac(1), remainingMs: 660_000 }])
})

t.test('a record that cannot be written is logged, and slipway continues', async (t) => {
  const { clock, log, lines } = setUp(t)
  const directory = join(t.testdir(), 'missing')
  const inventory = await createRecordedInventory({ directory, clock, log, drain() {} }, undefined)
  inventory.bindings.keep({ mac: mac(1), address: from }, range, true)
  await inventory.close()
  t.match(lines, [{ code: 'state.inventory-record-not-written', reason: /ENOENT/ }])
})

t.test('without a state directory, there is no record', async (t) => {
  const { clock, log } = setUp(t)
  const inventory = await createRecordedInventory({ directory: undefined, clock, log, drain() {} }, range)
  inventory.bindings.keep({ mac: mac(1), address: from }, range, true)
  await inventory.close()
  t.equal(inventory.bindings.live().length, 1)
})

t.test('the record has the leases as text', async (t) => {
  const { start, clock, file } = setUp(t)
  const inventory = await start()
  inventory.bindings.keep({ mac: mac(1), address: from }, range, true)
  await inventory.close()
  const until = clock.now() + 660_000
  t.same(JSON.parse(readFileSync(file, 'utf8')), {
    version: 1,
    leases: [{ address: '192.0.2.240', mac: mac(1), until }],
  })
})
