/** The files of PXELINUX, in every plan, and nodes whose firmware has U-Boot. */
import t from 'tap'
import { chooseBoot } from '../../src/plan/dhcp/boot-table.ts'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import type { NodeBoot } from '../../src/plan/dhcp/plan.ts'
import { pxelinuxNames } from '../../src/plan/facts.ts'
import { compileInstall } from '../../src/plan/install.ts'
import { compileTftp } from '../../src/plan/tftp.ts'
import { parseMac, type Mac } from '../../src/proto/address/mac.ts'
import { exampleModel, exampleSite, found, missing } from '../support/model.ts'

function model(loader: string, isInstalled = true) {
  const site = exampleSite()
  Object.assign(site.clusters[0]!, { loader })
  const others = pxelinuxNames.map(
    (name) => [name, isInstalled ? found(`/usr/lib/${name}`) : missing('/usr/lib', `no ${name}`)] as const,
  )
  const loaders = new Map([...exampleModel().facts.loaders, ...(loader === 'pxelinux' ? others : [])])
  return exampleModel(site, { loaders })
}

function offered(loader: string) {
  const { plan } = compileDhcp(model(loader))
  const boot = plan.reservationByMac.get(parseMac('00:00:5e:00:53:11') as Mac)?.boot
  return [0, 7, 16, 22].map((architecture) => (boot as NodeBoot).loaderByArchitecture.get(architecture)?.name)
}

t.test('pxelinux names PXELINUX for BIOS, and iPXE for UEFI', (t) => {
  t.same(offered('pxelinux'), [
    'bios/lpxelinux.0',
    'efi/snponly.efi',
    'http://192.0.2.2/loaders/efi/snponly.efi',
    'arm64/ipxe.efi',
  ])
  t.equal(offered('u-boot')[3], 'arm64/ipxe.efi', 'for its UEFI; U-Boot itself requests other names')
  t.end()
})

t.test('a BIOS machine whose network card has iPXE gets PXELINUX too', (t) => {
  const { plan } = compileDhcp(model('pxelinux'))
  const boot = plan.reservationByMac.get(parseMac('00:00:5e:00:53:11') as Mac)?.boot
  const ipxe = { protocol: 'PXEClient', isIpxe: true, takesScript: true } as const
  t.equal(chooseBoot(boot, { ...ipxe, architectures: [0] }).file?.name, 'bios/lpxelinux.0')
  t.match(chooseBoot(boot, { ...ipxe, architectures: [7] }).file?.name, /boot\.ipxe$/)
  t.end()
})

t.test('TFTP serves PXELINUX beside its module', (t) => {
  const { plan, findings } = compileTftp(model('pxelinux'))
  for (const name of pxelinuxNames) t.equal(plan.files.get(name), `/usr/lib/${name}`)
  t.same(findings, [])
  t.equal(compileTftp(model('grub')).plan.files.has('bios/lpxelinux.0'), false)
  t.end()
})

t.test('each missing file of PXELINUX is reported once', (t) => {
  const { findings } = compileTftp(model('pxelinux', false))
  t.same(
    findings.map(({ code, about }) => `${code} ${about}`),
    [...pxelinuxNames].sort().map((name) => `tftp.loader-missing loader ${name}`),
  )
  t.same(compileTftp(model('u-boot')).findings, [])
  t.end()
})

t.test('the exchange of the firmware counts, because these loaders send no DHCP messages', (t) => {
  for (const loader of ['pxelinux', 'u-boot'])
    t.equal(compileInstall(model(loader)).get('ocp45/m1')?.countsFirmware, true, loader)
  t.end()
})
