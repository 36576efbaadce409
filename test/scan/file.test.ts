import { execFileSync } from 'node:child_process'
import { userInfo } from 'node:os'
import t from 'tap'
import { folderProblem, listFolder, reasonOf, scanFile, modifiedAt, userName } from '../../src/scan/file.ts'

const code = 'image.file-unreadable'

t.test('a path that is not a regular file is not opened, because that could block', async (t) => {
  const dir = t.testdir()
  execFileSync('/usr/bin/env', ['mkfifo', `${dir}/pipe`])
  for (const path of ['/dev/null', `${dir}/pipe`]) {
    const problem = `${path} is not a regular file`
    t.same(await scanFile(path, code), { kind: 'missing', code, path, problem })
  }
})

const path = '/var/lib/slipway/ignition/bootstrap.ign'

t.test(
  'a file without read permission names the user and the command, and a directory how to find it',
  (t) => {
    const failed = (user: string, syscall: string, code = 'EACCES') =>
      reasonOf(Object.assign(new Error(code), { code, syscall, path }), user)
    const owner = `cannot be read by the user slipway; run "chown slipway ${path}"`
    t.equal(failed('slipway', 'open'), owner)
    t.equal(failed('slipway', 'open', 'EPERM'), owner)
    t.equal(
      failed('alice', 'open'),
      'cannot be read by the user alice; run the command as the user of the service (runuser -u slipway), or let this user read it',
      'the file must not be taken from the service',
    )
    for (const syscall of ['stat', 'opendir']) {
      t.equal(
        failed('slipway', syscall),
        `cannot be read by the user slipway; run "namei -l ${path}" to see the owner and mode of each directory`,
      )
    }
    t.match(
      reasonOf(Object.assign(new Error('x'), { code: 'EACCES' })),
      `cannot be read by the user ${userInfo().username}; run "namei -l PATH"`,
    )
    const noName = () => {
      throw new Error('no such user')
    }
    t.equal(userName(noName), String(process.getuid?.()))
    t.end()
  },
)

t.test('system errors become the rest of a sentence', async (t) => {
  const cases = [
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
