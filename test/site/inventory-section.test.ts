import t from 'tap'
import { inventorySection } from '../../src/site/inventory-section.ts'
import { loadSite } from '../../src/site/load.ts'
import { parseIpv4 } from '../../src/proto/address/ip.ts'
import { siteText } from '../support/site-folder.ts'

const section = {
  addresses: { from: '192.0.2.240', to: '192.0.2.249' },
  kernel: 'inventory/vmlinuz',
  initrd: '/srv/initrd.img',
}

t.test('the section names addresses, a kernel, and an initramfs', (t) => {
  t.same(inventorySection.parse(section), {
    addresses: { from: parseIpv4('192.0.2.240'), to: parseIpv4('192.0.2.249') },
    kernel: 'inventory/vmlinuz',
    initrd: '/srv/initrd.img',
    kernelArguments: [],
    leaseSeconds: 600,
  })
  for (const key of ['addresses', 'kernel', 'initrd']) {
    t.equal(inventorySection.safeParse({ ...section, [key]: undefined }).success, false, key)
  }
  t.throws(() => inventorySection.parse({ ...section, leaseSeconds: 7200 }), /from 120 to 3600/)
  t.end()
})

t.test('an inventory boot exists only with the section, and its paths are relative to the site file', (t) => {
  t.match(loadSite(siteText(), '/etc/slipway/site.yaml'), { site: { inventory: undefined } })
  const loaded = loadSite(`${siteText()}\ninventory: ${JSON.stringify(section)}\n`, '/etc/slipway/site.yaml')
  t.match(loaded, {
    kind: 'site',
    site: { inventory: { kernel: '/etc/slipway/inventory/vmlinuz', initrd: '/srv/initrd.img' } },
  })
  t.end()
})
