import { chmod, chown, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { basename, join } from 'node:path'
import t from 'tap'
import { removeLitter, writeAtomically } from '../../src/host/files.ts'

const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8)

t.test('a new file has the requested mode with any umask', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'haproxy.cfg')
  const umask = process.umask(0o077)
  t.teardown(() => process.umask(umask))
  await writeAtomically(path, 'global\n')
  t.equal(await readFile(path, 'utf8'), 'global\n')
  t.equal(await modeOf(path), '644')
  await writeAtomically(join(directory, 'secret'), 'x', 0o600)
  t.equal(await modeOf(join(directory, 'secret')), '600')
  t.same(await readdir(directory), ['haproxy.cfg', 'secret'], 'nothing else is left')
})

t.test('an existing file keeps its mode; readers of the old file keep the old text', async (t) => {
  const path = join(t.testdir({ 'haproxy.cfg': 'old' }), 'haproxy.cfg')
  await chmod(path, 0o640)
  const before = await stat(path)
  await writeAtomically(path, 'new')
  t.equal(await readFile(path, 'utf8'), 'new')
  t.equal(await modeOf(path), '640')
  t.equal((await stat(path)).uid, before.uid)
  t.equal((await stat(path)).ino === before.ino, false, 'it is another file, not the old one overwritten')
})

t.test('a symbolic link keeps its target', async (t) => {
  const directory = t.testdir({ real: { 'haproxy.cfg': 'old' } })
  await symlink('real/haproxy.cfg', join(directory, 'link'))
  await writeAtomically(join(directory, 'link'), 'new')
  t.equal(await readlink(join(directory, 'link')), 'real/haproxy.cfg')
  t.equal(await readFile(join(directory, 'real/haproxy.cfg'), 'utf8'), 'new')
})

t.test('a missing directory is an error', async (t) => {
  await t.rejects(writeAtomically(join(t.testdir(), 'absent/haproxy.cfg'), 'new'), { code: 'ENOENT' })
})

t.test('when the rename fails, no temporary file remains', async (t) => {
  const directory = t.testdir()
  // A directory with content cannot be replaced by a file.
  await mkdir(join(directory, 'haproxy.cfg'))
  await writeFile(join(directory, 'haproxy.cfg/inside'), '')
  await t.rejects(writeAtomically(join(directory, 'haproxy.cfg'), 'new'), { code: 'EISDIR' })
  t.same(await readdir(directory), ['haproxy.cfg'])
})

t.test(
  "another owner's file stays theirs",
  { skip: process.getuid?.() !== 0 && 'only root can give files away' },
  async (t) => {
    const path = join(t.testdir({ 'haproxy.cfg': 'old' }), 'haproxy.cfg')
    await chown(path, 65534, 65534)
    await writeAtomically(path, 'new')
    t.match(await stat(path), { uid: 65534, gid: 65534 })
  },
)

t.test('a write removes the temporary files that killed processes left for the same file', async (t) => {
  const dead = spawnSync('true').pid
  const others = [`.site.yaml.${process.ppid}.new`, `.site.yaml.bak.${dead}.new`, '.site.yaml.lock']
  const directory = t.testdir({
    'site.yaml': 'old',
    [`.site.yaml.${dead}.new`]: 'a part of ',
    ...Object.fromEntries(others.map((name) => [name, ''])),
  })
  await writeAtomically(join(directory, 'site.yaml'), 'new')
  t.same((await readdir(directory)).sort(), [...others, 'site.yaml'].sort())
})

t.test('temporary files of processes that have ended are removed', async (t) => {
  const dead = spawnSync('true').pid
  const directory = t.testdir({
    [`.haproxy.cfg.${dead}.new`]: '',
    [`.rhcos.tar.${process.pid}.new`]: '',
    [`.other.${process.ppid}.new`]: '',
    'site.yaml': '',
    '.site.yaml.lock': '',
  })
  const removed = await removeLitter(directory)
  t.same(
    removed.map((path) => basename(path)).sort(),
    [`.haproxy.cfg.${dead}.new`, `.rhcos.tar.${process.pid}.new`].sort(),
  )
  t.same(
    (await readdir(directory)).sort(),
    [`.other.${process.ppid}.new`, '.site.yaml.lock', 'site.yaml'].sort(),
  )
  t.same(await removeLitter(join(directory, 'none')), [])
})
