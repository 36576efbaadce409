import t from 'tap'
import { createInventory } from '../../../src/inventory/inventory.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { running } from '../../support/dhcp-service.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { exampleReport } from '../../support/inventory-report.ts'
import { from, guest, inventoryPlan } from '../../support/inventory-site.ts'

t.test(
  'an undeclared machine is logged, listed, and known to the other services by its address',
  async (t) => {
    const inventory = createInventory({ clock: fakeClock(), drain() {} })
    const { send, line, lines, heard, service, counters, seen } = await running({
      plan: () => inventoryPlan,
      inventory,
    })
    const { firmware, select } = from()
    await send(firmware())
    t.match(line(), {
      level: 'info',
      msg: 'address for the inventory boot sent to an undeclared machine',
      mac: guest,
      vendorClass: 'PXEClient:Arch:00007:UNDI:003016',
      bootFile: 'efi/snponly.efi',
    })
    const address = (line() as { address: string }).address
    await send(select(address))
    t.match(line(), { level: 'debug', address }, 'once in ten minutes')
    t.equal(heard.all.length, 2)
    t.equal(inventory.holderOf(address), guest)
    t.match(service.unknownClients(), [{ mac: guest, count: 2 }])
    t.equal(counters.get('dhcp.offered'), 1)
    t.same(seen, [], 'it is not a node')
    t.equal(lines.filter(({ node }) => node !== undefined).length, 0)

    t.equal(service.comparedClients()[0]?.inventory, undefined)
    const interfaces = [{ mac: guest }]
    await inventory.receive(guest as Mac, JSON.stringify({ ...exampleReport, interfaces }))
    t.match(service.comparedClients(), [{ mac: guest, inventory: { serial: 'SN-0001' } }])
    t.notOk('inventory' in service.unknownClients()[0]!, '/health has no inventories')
  },
)

t.test('a simulated undeclared machine is answered, and leaves no trace but a debug line', async (t) => {
  const inventory = createInventory({ clock: fakeClock(), drain() {} })
  const { send, line, heard, service, counters, seen } = await running({
    plan: () => inventoryPlan,
    inventory,
  })
  const options = [
    [60, 'PXEClient:Arch:00007:UNDI:003016'],
    [93, [0, 7]],
    [224, 'slipway simulate'],
  ] as const
  await send(from().firmware({ options }))
  t.equal(heard.all.length, 1)
  t.match(line(), { level: 'debug', msg: 'address offered', mac: guest })
  t.same([service.unknownClients(), inventory.bindings.live(), seen], [[], [], []])
  t.equal(counters.get('dhcp.offered'), 0)
})
