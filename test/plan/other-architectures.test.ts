/** Machines of IBM Power (ppc64le) and IBM Z (s390x) in every plan. */
import t from 'tap'
import { offersTo } from '../../src/explain/explanation.ts'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import { loaderOfImage } from '../../src/plan/dhcp/boot-table.ts'
import { compileHttp } from '../../src/plan/http/compile.ts'
import { compileInstall } from '../../src/plan/install.ts'
import { compileTftp } from '../../src/plan/tftp.ts'
import type { NodeBoot } from '../../src/plan/dhcp/plan.ts'
import type { Model } from '../../src/plan/model.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { otherArchitectureModel } from '../support/other-architecture.ts'

function bootOf(model: Model) {
  const { plan } = compileDhcp(model)
  const boot = plan.reservationByMac.get('00:00:5e:00:53:11' as Mac)?.boot as NodeBoot
  const files = [...boot.loaderByArchitecture].map(([architecture, { name }]) => [architecture, name])
  return { silent: boot.silentArchitecture, files, biosLoader: boot.biosLoader }
}

t.test('ppc64le boots GRUB of the image, and its firmware counts as a DHCP exchange', (t) => {
  const model = otherArchitectureModel('ppc64le')
  const files = [[12, 'image-rhcos/core.elf']]
  t.same(bootOf(model), { silent: 12, files, biosLoader: undefined })
  t.equal(compileInstall(model).get('ocp45/m1')?.countsFirmware, true)
  const { plan, findings } = compileTftp(model)
  t.equal(plan.files.get('image-rhcos/core.elf'), '/srv/rhcos/core.elf')
  t.same(findings, [])
  t.equal(loaderOfImage(model.nodes[0]!, 'ppc64le'), 'image-rhcos/core.elf')
  t.end()
})

t.test('a missing GRUB of ppc64le is reported with the way to create it', (t) => {
  const { findings } = compileTftp(otherArchitectureModel('ppc64le', 'auto', []))
  t.match(findings, [
    {
      code: 'tftp.loader-missing',
      about: 'loader image-rhcos/core.elf',
      message: /no core\.elf in \/srv\/rhcos: create it with grub2-mkimage \(docs\/power-and-z\.md\)/,
    },
  ])
  t.equal(findings.length, 1)
  t.end()
})

t.test('firmware that reads its configuration gets a directory, and needs no loader', (t) => {
  for (const [architecture, loader, number] of [
    ['ppc64le', 'pxelinux', 12],
    ['s390x', undefined, 31],
  ] as const) {
    const model = otherArchitectureModel(architecture, loader, [])
    const files = [[number, '/boot/ocp45/m1/']]
    t.same(bootOf(model), { silent: number, files, biosLoader: undefined })
    t.same(compileTftp(model).findings, [])
    t.equal(compileInstall(model).get('ocp45/m1')?.countsFirmware, true)
  }
  t.end()
})

t.test('the explanation shows what firmware that does not identify itself gets', (t) => {
  const offers = offersTo(compileDhcp(otherArchitectureModel('ppc64le')).plan, '00:00:5e:00:53:11' as Mac)
  const shown = offers.map(({ client, bootFile }) => `${client}: ${bootFile ?? 'none'}`)
  t.same(shown, ['firmware that does not identify itself: image-rhcos/core.elf'])
  t.end()
})

t.test('the firmware of s390x accepts shorter kernel arguments than the kernel', (t) => {
  const long = { kernelArguments: ['x'.repeat(250), 'y'.repeat(250), 'z'.repeat(100)] }
  const codes = (architecture: string) =>
    compileHttp(otherArchitectureModel(architecture, undefined, ['core.elf'], long))
      .findings.filter(({ code }) => code === 'boot.command-line-too-long')
      .map(({ message }) => /longer than the \d+ bytes/.exec(message)?.[0])
  t.same([...new Set(codes('s390x'))], ['longer than the 895 bytes'])
  t.same(codes('ppc64le'), [])
  t.end()
})
