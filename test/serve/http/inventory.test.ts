import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createInventory } from '../../../src/inventory/inventory.ts'
import { parseIpv4, type Ipv4 } from '../../../src/proto/address/ip.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { createRoutes } from '../../../src/serve/http/routes.ts'
import { httpWorld } from '../../support/http-service.ts'
import { exampleReport } from '../../support/inventory-report.ts'
import { guest } from '../../support/inventory-site.ts'

const address = '192.0.2.240'

/** A machine with a lease of `address`; @param neighbor what the kernel knows about that address */
async function setUp(t: Test, neighbor?: string) {
  const world = httpWorld(t)
  const inventory = createInventory({ clock: world.options.clock, drain() {} })
  const lease = parseIpv4(address) as Ipv4
  const range = { from: lease, to: lease, leaseMs: 600_000 }
  inventory.bindings.keep({ mac: guest as Mac, address: lease }, range, true)
  const kernel = join(world.dir, 'vmlinuz')
  writeFileSync(kernel, 'kernel')
  world.plan = {
    ...world.plan,
    inventory: {
      script: '#!ipxe\n',
      kernel: { file: kernel },
      initrd: { file: '/nowhere/initrd.img', problem: '/nowhere/initrd.img does not exist' },
    },
  }
  const { app } = await createRoutes({
    ...world.options,
    inventory,
    readNeighbor: () => Promise.resolve(neighbor),
  })
  t.teardown(() => app.close())
  const get = (url: string, remoteAddress = address) => app.inject({ url, remoteAddress })
  const post = (payload: string, remoteAddress = address) =>
    app.inject({ method: 'POST', url: '/inventory', payload, remoteAddress })
  return { ...world, world, inventory, get, post }
}

const code = (response: { headers: Record<string, unknown> }) => response.headers['slipway-code']

t.test('the script, the kernel, and the initramfs', async (t) => {
  const { get, line } = await setUp(t)
  t.match(await get('/inventory/boot.ipxe'), { statusCode: 200, body: '#!ipxe\n' })
  t.match(await line('inventory script served'), { level: 'info', boot: 'inventory' })
  t.match(await get('/inventory/kernel'), { statusCode: 200, body: 'kernel' })
  const missing = await get('/inventory/initrd')
  t.match(missing, {
    statusCode: 404,
    body: 'initrd.img is not available: the log of the server has the reason\n',
  })
  t.equal(code(missing), 'http.file-missing')
  t.match((await get('/inventory/initrd', '127.0.0.1')).body, '/nowhere/initrd.img does not exist')
})

t.test('without the section, nothing of it exists', async (t) => {
  const { world, get, post } = await setUp(t)
  const { inventory, ...plan } = world.plan
  t.ok(inventory)
  world.plan = plan
  for (const url of ['/inventory/boot.ipxe', '/inventory/kernel', '/inventory/initrd']) {
    t.match(await get(url), { statusCode: 404 }, url)
  }
  t.match(await post(JSON.stringify(exampleReport)), { statusCode: 404 })
})

t.test('the machine with the lease reports its hardware', async (t) => {
  const { inventory, post, line } = await setUp(t, guest)
  t.match(await post(JSON.stringify(exampleReport)), { statusCode: 200, body: 'recorded\n' })
  t.match(inventory.reportOf(guest as Mac), { serial: 'SN-0001' })
  t.match(await line('inventory of an undeclared machine received'), {
    level: 'info',
    mac: guest,
    serial: 'SN-0001',
    disks: 2,
    interfaces: 2,
  })
})

t.test(
  'a machine without a lease, or with the address of another one, is refused before its report is read',
  async (t) => {
    const { inventory, post } = await setUp(t, '52:54:00:00:00:77')
    for (const from of [address, '192.0.2.11']) {
      const refused = await post(JSON.stringify(exampleReport), from)
      t.match(refused, { statusCode: 403 })
      t.equal(code(refused), 'http.inventory-without-lease')
    }
    t.equal(inventory.reportOf(guest as Mac), undefined)
  },
)

t.test('reports that are not valid, too large, or too frequent are refused', async (t) => {
  const { post, inventory, options } = await setUp(t)
  const invalid = await post('{"version":1}')
  t.match(invalid, { statusCode: 400 })
  t.equal(code(invalid), 'http.bad-inventory-report')
  t.match(await post(JSON.stringify({ ...exampleReport, extra: 'x'.repeat(64 * 1024) })), { statusCode: 413 })
  t.equal(inventory.reportOf(guest as Mac), undefined)
  await post(JSON.stringify(exampleReport))
  const busy = await post(JSON.stringify(exampleReport))
  t.match(busy, { statusCode: 503, headers: { 'retry-after': '10' } })
  t.equal(code(busy), 'http.inventory-limit')
  t.equal(options.counters.get('http.inventoryReports'), 1)
  t.equal(options.counters.get('http.inventoryReportsRefused'), 2)
})
