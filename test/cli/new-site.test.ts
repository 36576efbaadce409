import { join } from 'node:path'
import t from 'tap'
import { writeNewSite } from '../../src/cli/new-site.ts'

t.test('a file that cannot be written has a reason', async (t) => {
  const folder = t.testdir({ file: 'x' })
  t.equal(await writeNewSite(join(folder, 'new'), 'text'), undefined)
  t.match(
    await writeNewSite(join(folder, 'file', 'new'), 'text'),
    /^cannot write .*: a part of the path is a file, not a directory; check the path$/,
  )
  t.match(await writeNewSite('/proc/1/none/site.yaml', 'text'), /does not exist: create it first$/)
})
