import { join } from 'node:path'
import t from 'tap'
import { scanInventory } from '../../src/scan/inventory.ts'
import { siteSchema } from '../../src/site/schema.ts'
import { exampleSite } from '../support/model.ts'
import { inventorySite } from '../support/inventory-site.ts'

t.test('without the section, nothing is read', async (t) => {
  t.equal(await scanInventory(siteSchema.parse(exampleSite())), undefined)
})

t.test('a file that exists is found, and another one is missing', async (t) => {
  const dir = t.testdir({ vmlinuz: 'kernel' })
  const site = inventorySite()
  Object.assign(site.inventory, { kernel: join(dir, 'vmlinuz'), initrd: join(dir, 'initrd.img') })
  t.match(await scanInventory(siteSchema.parse(site)), {
    kernel: { kind: 'found', octets: 6 },
    initrd: { kind: 'missing', code: 'http.inventory-file-missing', problem: /does not exist/ },
  })
})
