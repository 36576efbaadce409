import { join } from 'node:path'
import t from 'tap'
import type { TftpPlan } from '../../../src/plan/tftp.ts'
import { createFiles } from '../../../src/serve/tftp/files.ts'
import { explainMissingFile, openNamed } from '../../../src/serve/tftp/open-transfer.ts'

const bare: TftpPlan = {
  address: '192.0.2.2',
  port: 69,
  transfers: { kind: 'any' },
  files: new Map(),
  missing: new Map(),
  root: undefined,
  networks: [],
  mtus: [],
  nodeByAddress: new Map(),
}

t.test('a name resolves to a file', (t) => {
  const folder = t.testdir({
    loader: 'loader',
    secret: 'secret',
    'root-beside': { f: 'x' },
    root: {
      own: 'own!',
      'ipxe.efi': 'not served',
      'grub.cfg': 'cfg',
      folder: { f: 'in folder', inner: t.fixture('symlink', '../own') },
      out: t.fixture('symlink', '../secret'),
      beside: t.fixture('symlink', '../root-beside/f'),
      up: t.fixture('symlink', '..'),
      dangling: t.fixture('symlink', 'nowhere'),
    },
  })
  const files = createFiles()
  const loaders = { ...bare, files: new Map([['ipxe.efi', join(folder, 'loader')]]) }
  const plan = { ...loaders, root: join(folder, 'root') }

  const found = [
    { name: 'a loader before a file of the root', plan, asked: 'ipxe.efi', octets: 6 },
    { name: 'a loader without a root', plan: loaders, asked: 'ipxe.efi', octets: 6 },
    { name: 'a file of the root', plan, asked: 'own', octets: 4 },
    { name: 'a file in a directory', plan, asked: 'folder/f', octets: 9 },
    { name: 'a symbolic link that stays inside', plan, asked: 'folder/inner', octets: 4 },
  ]
  for (const { name, plan, asked, octets } of found) {
    t.test(name, async (t) => {
      const file = await openNamed(plan, files, asked)
      t.equal(file.octets, octets)
      file.close()
    })
  }

  const refused = [
    { name: 'a name that does not exist', plan, asked: 'nothing', code: 1 },
    { name: 'a name without a root', plan: loaders, asked: 'own', code: 1 },
    { name: 'a symbolic link out of the root', plan, asked: 'out', code: 1 },
    { name: 'a symbolic link to a sibling with the same prefix', plan, asked: 'beside', code: 1 },
    { name: 'a directory reached by a symbolic link', plan, asked: 'up/secret', code: 1 },
    { name: 'a dangling symbolic link', plan, asked: 'dangling', code: 1 },
    { name: 'a directory', plan, asked: 'folder', code: 2 },
    { name: 'a missing root', plan: { ...bare, root: join(folder, 'no') }, asked: 'own', code: 1 },
  ]
  for (const { name, plan, asked, code } of refused) {
    t.test(`refused: ${name}`, (t) => t.rejects(openNamed(plan, files, asked), { name: 'CannotRead', code }))
  }

  const explained = [
    {
      name: 'no loader, no root: lists all served files',
      plan: loaders,
      asked: 'grub.cfg',
      reason: 'no boot loader has this name',
      served: ['ipxe.efi'],
    },
    {
      name: 'similar files of the root',
      plan,
      asked: 'grubx64.cfg',
      reason: `not a boot loader, and not in ${plan.root}`,
      served: ['grub.cfg'],
    },
    {
      name: 'files in the requested directory',
      plan,
      asked: 'folder/f.cfg',
      reason: `not a boot loader, and not in ${plan.root}`,
      served: ['folder/f'],
    },
    {
      name: 'a directory outside the root is not listed',
      plan,
      asked: 'up/secre',
      reason: `not a boot loader, and not in ${plan.root}`,
      served: ['ipxe.efi'],
    },
    {
      name: 'a missing loader names the package to install',
      plan: { ...loaders, missing: new Map([['efi/snponly.efi', 'apt-get install ipxe']]) },
      asked: 'EFI/SNPONLY.EFI',
      reason: 'apt-get install ipxe',
      served: ['ipxe.efi'],
    },
  ]
  for (const { name, plan, asked, reason, served } of explained) {
    t.test(`missing file: ${name}`, async (t) => {
      t.same(await explainMissingFile(plan, asked), { reason, served })
    })
  }
  t.end()
})
