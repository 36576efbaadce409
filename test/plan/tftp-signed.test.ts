/** The signed loaders of an image, in every plan: what DHCP offers, and what TFTP and HTTP serve. */
import type { NodeBoot } from '../../src/plan/dhcp/plan.ts'
import t from 'tap'
import type { Facts, FoundFile } from '../../src/plan/facts.ts'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import { compileHttp } from '../../src/plan/http/compile.ts'
import { planInstall } from '../../src/plan/boot/boot-plan.ts'
import { renderBoot } from '../../src/plan/boot/render.ts'
import { compileTftp } from '../../src/plan/tftp.ts'
import { parseMac, type Mac } from '../../src/proto/address/mac.ts'
import { exampleModel, exampleSite, found, liveImage } from '../support/model.ts'

/** @param names of the files beside the image */
function model(loader: string, names: readonly string[], architecture = 'x86_64') {
  const site = exampleSite()
  site.images = { rhcos: { dir: '/srv/rhcos', architecture } as { dir: string } }
  Object.assign(site.clusters[0]!, { loader })
  const signed = new Map(names.map((name) => [name, found(`/srv/rhcos/${name}`) as FoundFile]))
  const image = { ...liveImage('/srv/rhcos'), ...(names.length > 0 && { signed }) }
  const images: Facts['images'] = new Map([['rhcos', image]])
  return exampleModel(site, { images })
}

/** @returns the boot files of `ocp45/m1` for BIOS, x64 UEFI, arm64 UEFI, and HTTP Boot */
function offered(...given: Parameters<typeof model>) {
  const { plan } = compileDhcp(model(...given))
  const boot = plan.reservationByMac.get(parseMac('00:00:5e:00:53:11') as Mac)?.boot
  return [0, 7, 11, 16].map((architecture) => (boot as NodeBoot).loaderByArchitecture.get(architecture)?.name)
}

const complete = ['shimx64.efi', 'grubx64.efi', 'mmx64.efi']
const loaders = 'http://192.0.2.2/loaders'

t.test('shim and grub name the loaders of the image; BIOS firmware still gets iPXE', (t) => {
  t.same(offered('shim', complete), [
    'bios/undionly.kpxe',
    'image-rhcos/shimx64.efi',
    'image-rhcos/shimaa64.efi',
    `${loaders}/image-rhcos/shimx64.efi`,
  ])
  t.equal(offered('grub', complete)[1], 'image-rhcos/grubx64.efi')
  t.end()
})

t.test('auto selects shim if the image has it together with GRUB', (t) => {
  t.equal(offered('auto', complete)[1], 'image-rhcos/shimx64.efi')
  t.equal(offered('auto', ['shimaa64.efi', 'grubaa64.efi'])[2], 'image-rhcos/shimaa64.efi')
  t.equal(offered('auto', ['shimx64.efi'])[1], 'efi/snponly.efi')
  t.equal(offered('auto', [])[1], 'efi/snponly.efi')
  t.end()
})

t.test('TFTP and HTTP serve the loaders of images under one path', (t) => {
  const signed = model('shim', complete)
  const { plan, findings } = compileTftp(signed)
  t.equal(plan.files.get('image-rhcos/grubx64.efi'), '/srv/rhcos/grubx64.efi')
  t.same(findings, [])
  t.same(compileHttp(signed).plan.loaders.get('/loaders/image-rhcos/mmx64.efi'), {
    file: '/srv/rhcos/mmx64.efi',
  })
  t.end()
})

t.test('each missing loader of an image is reported once', (t) => {
  const none = model('shim', [])
  const { plan, findings } = compileTftp(none)
  const problem = (file: string) =>
    `no ${file} in /srv/rhcos: run slipway images loaders, or copy the loader of the vendor of the image there`
  t.equal(plan.missing.get('image-rhcos/shimx64.efi'), problem('shimx64.efi'))
  t.same(
    findings.map(({ about, message }) => `${about}: ${message}`),
    ['grubx64.efi', 'shimx64.efi'].map(
      (file) => `loader image-rhcos/${file}: ocp45/bs and 3 more cannot boot: ${problem(file)}`,
    ),
  )
  t.equal(
    compileHttp(none).plan.loaders.get('/loaders/image-rhcos/shimx64.efi')?.problem,
    problem('shimx64.efi'),
  )
  const arm = compileTftp(model('shim', [], 'aarch64'))
  t.same(
    arm.findings.map(({ about }) => about),
    ['loader image-rhcos/grubaa64.efi', 'loader image-rhcos/shimaa64.efi'],
  )
  t.same(
    compileTftp(model('grub', ['grubx64.efi'])).findings,
    [],
    'GRUB without shim needs only its own file',
  )
  t.end()
})

t.test(
  'a loader without a signature is reported for nodes with shim, and a signature is part of the plan',
  (t) => {
    const withSignature = (authorities: readonly string[], loader = 'shim') => {
      const given = model(loader, complete)
      const { signed } = given.facts.images.get('rhcos')!
      const shim = { ...signed!.get('shimx64.efi')!, signature: { authorities } }
      const image = {
        ...given.facts.images.get('rhcos')!,
        signed: new Map([...signed!, ['shimx64.efi', shim]]),
      }
      return compileTftp({ ...given, facts: { ...given.facts, images: new Map([['rhcos', image]]) } })
    }
    t.match(withSignature([]).findings, [
      { code: 'tftp.loader-unsigned', severity: 'warning', about: 'loader image-rhcos/shimx64.efi' },
    ])
    t.same(withSignature([], 'grub').findings, [], 'GRUB without Secure Boot needs no signature')
    const { plan, findings } = withSignature(['Microsoft UEFI CA 2023'])
    t.same(findings, [])
    t.same(plan.signatures?.get('image-rhcos/shimx64.efi'), { authorities: ['Microsoft UEFI CA 2023'] })
    t.end()
  },
)

t.test('shim-ipxe names a signed iPXE of the image, and each missing file is reported', (t) => {
  const files = ['snponly-shimx64.efi', 'snponly.efi', 'shimx64.efi']
  t.equal(offered('shim-ipxe', files)[1], 'image-rhcos/snponly-shimx64.efi')
  t.equal(offered('shim-ipxe', files)[2], 'image-rhcos/snponly-shimaa64.efi')
  t.same(compileTftp(model('shim-ipxe', files)).findings, [])
  t.same(
    compileTftp(model('shim-ipxe', [])).findings.map(({ about }) => about),
    files.toSorted().map((file) => `loader image-rhcos/${file}`),
  )
  t.end()
})

t.test('the script of a signed iPXE names the shim of the kernel', (t) => {
  const install = (loader: string, names: readonly string[], architecture?: string) => {
    const given = model(loader, names, architecture)
    const node = given.nodes.find(({ key }) => key === 'ocp45/m1')!
    return renderBoot(
      'ipxe',
      node,
      planInstall(given, node, 'master'),
      'http://192.0.2.2/boot/ocp45/m1/boot.ipxe',
    )
  }
  t.match(
    install('shim-ipxe', ['shimx64.efi']),
    /^initrd .*\nshim http:\/\/192\.0\.2\.2\/loaders\/image-rhcos\/shimx64\.efi \|\| goto failed$/m,
  )
  t.match(install('shim-ipxe', ['shimaa64.efi'], 'aarch64'), /^shim .*shimaa64\.efi/m)
  t.notMatch(install('shim-ipxe', []), /^shim /m)
  t.notMatch(install('snponly', ['shimx64.efi']), /^shim /m)
  t.end()
})
