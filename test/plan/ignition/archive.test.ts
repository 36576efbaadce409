import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { archiveFile } from '../../../src/plan/ignition/archive.ts'

t.test('cpio reads the archive, for contents of every length', (t) => {
  for (const text of ['', '1', '12', '123', '1234', '12345']) {
    const archive = archiveFile('config.ign', Buffer.from(text))
    t.equal(archive.length % 4, 0)
    const cwd = t.testdir()
    const { status, stderr } = spawnSync('cpio', ['--extract', '--quiet'], {
      cwd,
      input: archive,
      encoding: 'utf8',
    })
    t.equal(status, 0, stderr)
    t.equal(readFileSync(join(cwd, 'config.ign'), 'utf8'), text)
    t.equal(statSync(join(cwd, 'config.ign')).mode & 0o777, 0o600)
  }
  t.end()
})
