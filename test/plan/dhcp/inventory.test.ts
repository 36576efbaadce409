import t from 'tap'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import { compileTftp } from '../../../src/plan/tftp.ts'
import { parseIpv4 } from '../../../src/proto/address/ip.ts'
import { exampleModel, missing } from '../../support/model.ts'
import { inventoryModel } from '../../support/inventory-site.ts'
import { loaderNames, type FileFact } from '../../../src/plan/facts.ts'

const leasesOf = (...given: Parameters<typeof inventoryModel>) =>
  compileDhcp(inventoryModel(...given)).plan.inventory

t.test('a site without the section has no leases for undeclared machines', (t) => {
  t.equal(compileDhcp(exampleModel()).plan.inventory, undefined)
  t.end()
})

t.test('the leases are short, and have the settings of the subnet, but no names', (t) => {
  const { settings, ...leases } = leasesOf() as NonNullable<ReturnType<typeof leasesOf>>
  t.match(leases, { from: parseIpv4('192.0.2.240'), to: parseIpv4('192.0.2.241'), leaseMs: 600_000 })
  t.equal(leases.declared.size, 4)
  t.same([...settings.options.keys()], [1, 3, 6, 28, 58, 59])
  t.same(settings.leaseTime.value, Uint8Array.of(0, 0, 2, 88))
  t.same(settings.options.get(58)?.value, Uint8Array.of(0, 0, 1, 44))
  t.end()
})

t.test('the boot files are those of x86_64', (t) => {
  const { boot } = leasesOf()?.settings ?? {}
  const { script, loaderByArchitecture } = boot as Exclude<typeof boot, { elsewhere: string } | undefined>
  t.equal(script.name, 'http://192.0.2.2/inventory/boot.ipxe')
  t.same(
    [...loaderByArchitecture].map(([architecture, { name }]) => [architecture, name]),
    [
      [0, 'bios/undionly.kpxe'],
      [6, 'efi/snponly.efi'],
      [7, 'efi/snponly.efi'],
      [9, 'efi/snponly.efi'],
      [15, 'http://192.0.2.2/loaders/efi/snponly.efi'],
      [16, 'http://192.0.2.2/loaders/efi/snponly.efi'],
    ],
  )
  t.end()
})

t.test('of several servers, only the installer leases', (t) => {
  const with2 = (installer: string) =>
    leasesOf((site) => Object.assign(site.server, { peers: ['192.0.2.4'], installer }))
  t.not(with2('192.0.2.2'), undefined)
  t.equal(with2('192.0.2.4'), undefined)
  t.end()
})

t.test('a missing loader of undeclared machines is reported', (t) => {
  const loaders = new Map(
    loaderNames.map((name): [typeof name, FileFact] => [
      name,
      name === 'efi/snponly.efi'
        ? missing(name, 'install the ipxe package')
        : { kind: 'found', path: name, octets: 1 },
    ]),
  )
  const arm = (site: { clusters: { nodes: unknown[] }[] }) => (site.clusters = [])
  t.match(compileTftp(inventoryModel(arm, { loaders })).findings, [
    { code: 'tftp.loader-missing', message: 'undeclared machines cannot boot: install the ipxe package' },
  ])
  t.end()
})
