import { execFileSync } from 'node:child_process'
import t from 'tap'
import { folderProblem, listFolder, reasonOf, scanFile, modifiedAt } from '../../src/scan/file.ts'

const code = 'image.file-unreadable'

t.test('a path that is not a regular file is not opened, because that could block', async (t) => {
  const dir = t.testdir()
  execFileSync('/usr/bin/env', ['mkfifo', `${dir}/pipe`])
  for (const path of ['/dev/null', `${dir}/pipe`]) {
    const problem = `${path} is not a regular file`
    t.same(await scanFile(path, code), { kind: 'missing', code, path, problem })
  }
})

const noPermission =
  'cannot be read by the user that slipway runs as; give that user read permission (chown or chmod)'

t.test('system errors become the rest of a sentence', async (t) => {
  const cases = [
    { code: 'EACCES', reason: noPermission },
    { code: 'EPERM', reason: noPermission },
    { code: 'ENOENT', reason: 'does not exist' },
    { code: 'ENOTDIR', reason: 'does not exist: a part of the path is a file, not a directory' },
    { code: 'EIO', reason: 'cannot be read: EIO: i/o error, read' },
  ]
  for (const { code, reason } of cases) {
    t.equal(reasonOf(Object.assign(new Error(`${code}: i/o error, read`), { code })), reason)
  }
  t.equal(reasonOf(new Error('is empty')), 'is empty')
  t.match(await scanFile('/\u0000', code), { kind: 'missing', problem: / cannot be read: / })
})

t.test('a directory is listed in order, without dotfiles, up to a maximum', async (t) => {
  const dir = t.testdir({ b: '', a: '', '.hidden': '' })
  t.same(await listFolder(dir), { kind: 'listed', names: ['a', 'b'] })
  t.same(await listFolder(dir, 1), {
    kind: 'unlisted',
    problem: `${dir} has more than 1 files: use a separate directory`,
  })
})

t.test('a directory to serve from must exist and be a directory', async (t) => {
  const dir = t.testdir({ folder: {}, file: 'f' })
  t.equal(await folderProblem(`${dir}/folder`), undefined)
  t.equal(await folderProblem(`${dir}/none`), `${dir}/none does not exist`)
  t.equal(await folderProblem(`${dir}/file`), `${dir}/file is not a directory`)
  t.equal(
    await folderProblem(`${dir}/file/folder`),
    `${dir}/file/folder does not exist: a part of the path is a file, not a directory`,
  )
})

t.test('the time of a file that does not exist is not known', async (t) => {
  t.equal(await modifiedAt('/nonexistent/file'), undefined)
})
