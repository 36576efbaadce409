import { mkdir, writeFile } from 'node:fs/promises'
import t from 'tap'
import { pxelinuxNames, type PxelinuxName } from '../../src/plan/facts.ts'
import { packagedPxelinux, scanPxelinux } from '../../src/scan/pxelinux.ts'
import { exampleModel } from '../support/model.ts'

const nowhere = Object.fromEntries(
  pxelinuxNames.map((name) => [name, [`/nowhere/${name}`]]),
) as unknown as Readonly<Record<PxelinuxName, readonly string[]>>

t.test('a site without pxelinux needs no files of PXELINUX', async (t) => {
  t.same(await scanPxelinux(exampleModel().site), [])
})

t.test('the files of PXELINUX come from tftp.root, or else from packages', async (t) => {
  const dir = t.testdir({ packaged: { 'ldlinux.c32': 'module' } })
  const { site } = exampleModel()
  Object.assign(site.clusters[0]!.nodes[0]!, { loader: 'pxelinux' })
  site.tftp.root = `${dir}/root`
  await mkdir(`${dir}/root/bios`, { recursive: true })
  await writeFile(`${dir}/root/bios/lpxelinux.0`, 'loader')
  const paths = { ...nowhere, 'bios/ldlinux.c32': [`${dir}/packaged/ldlinux.c32`] }
  const facts = new Map(await scanPxelinux(site, paths))
  t.match(facts.get('bios/lpxelinux.0'), { kind: 'found', path: `${dir}/root/bios/lpxelinux.0` })
  t.match(facts.get('bios/ldlinux.c32'), { kind: 'found', path: `${dir}/packaged/ldlinux.c32` })
})

t.test('without tftp.root, only the paths of packages are searched', async (t) => {
  const { site } = exampleModel()
  Object.assign(site.clusters[0]!, { loader: 'pxelinux' })
  const facts = new Map(await scanPxelinux(site, nowhere))
  t.match(facts.get('bios/ldlinux.c32'), {
    kind: 'missing',
    code: 'tftp.loader-missing',
    path: '/nowhere/bios/ldlinux.c32',
    problem: /^no bios\/ldlinux\.c32 at \/nowhere\/bios\/ldlinux\.c32: install it \(apt install pxelinux/,
  })
  t.equal(Object.keys(packagedPxelinux).length, pxelinuxNames.length)
})
